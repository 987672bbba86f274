# A release pins the base image by its digest: --build-arg BASE=python:3.13-slim-trixie@sha256:...
ARG BASE=python:3.13-slim-trixie

# Build stage: only packages whose hash is pinned.
FROM $BASE AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 UV_NO_CACHE=1 \
    UV_SYSTEM_CERTS=1
WORKDIR /build
COPY requirements/uv.txt requirements/runtime.txt requirements/weni.txt requirements/tracing.txt \
     requirements/parquet.txt ./
# Optional packages, none by default: --build-arg EXTRAS="weni tracing parquet"
ARG EXTRAS=
RUN python -m venv --without-pip /opt/venv \
    && pip install --root-user-action=ignore --require-hashes --requirement uv.txt \
    && set -- runtime.txt \
    && for extra in $EXTRAS; do set -- "$@" "$extra.txt"; done \
    && uv pip sync --python /opt/venv/bin/python --require-hashes --compile-bytecode "$@"

# SQS for docker-compose.yml: the strict model of testbed/sqs, which needs no packages.
FROM $BASE AS local-sqs
ENV PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
COPY embedded ./embedded
COPY testbed ./testbed
USER 65534:65534
STOPSIGNAL SIGTERM
CMD ["python", "-m", "testbed.sqs", "--host", "0.0.0.0", "--port", "9324"]

# The service. It is the last stage, so it is built if no target is named.
FROM $BASE
ENV PATH=/opt/venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
# The data lake's folder. A new volume that is mounted there takes its owner over.
RUN useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin service \
    && install --directory --owner=service --group=service /var/lib/conversations
WORKDIR /app
COPY --from=build /opt/venv /opt/venv
COPY manage.py pyproject.toml ./
COPY celery_sqs_fifo ./celery_sqs_fifo
COPY config ./config
COPY tasks ./tasks
COPY operations ./operations
COPY observability ./observability
COPY apps ./apps
# The admin site's style sheets. The command needs all settings to be set, but uses none of these.
ENV DJANGO_STATIC_ROOT=/app/static
RUN SQS_CONVERSATION_QUEUE_URL=http://unused/unused.fifo \
    SQS_CONVERSATION_DLQ_URL=http://unused/unused-dlq.fifo \
    SQS_CONVERSATION_REGION=unused \
    DYNAMODB_MESSAGE_TABLE=unused \
    DYNAMODB_REGION=unused \
    DATABASE_URL=postgres://unused/unused \
    SECRET_KEY=unused-because-this-only-collects-the-style-sheets-of-the-site \
    DATALAKE_URL=file:///unused \
    AGENT_UUID_CSAT=00000000-0000-0000-0000-000000000000 \
    AGENT_UUID_NPS=00000000-0000-0000-0000-000000000000 \
    python manage.py collectstatic --no-input
USER 10001:10001
# Celery's warm shutdown: running tasks finish, and held messages go back to the queue.
STOPSIGNAL SIGTERM
CMD ["celery", "-A", "config", "worker", "-Q", "conversations.fifo"]
