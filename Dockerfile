# The service without the embedded stack. Build stage: packages by hash only.
FROM python:3.11-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 UV_NO_CACHE=1
WORKDIR /build
COPY requirements/uv.txt requirements/runtime.txt requirements/weni.txt ./
RUN python -m venv --without-pip /opt/venv \
    && pip install --root-user-action=ignore --require-hashes --requirement uv.txt \
    && uv pip sync --python /opt/venv/bin/python --require-hashes --compile-bytecode runtime.txt weni.txt

FROM python:3.11-slim
ENV PATH=/opt/venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
# The lake's directory exists with its owner so that a new volume mounted there takes both over.
RUN useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin service \
    && install --directory --owner=service --group=service /var/lib/conversations
WORKDIR /app
COPY --from=build /opt/venv /opt/venv
COPY manage.py ./
COPY config ./config
COPY tasks ./tasks
COPY apps ./apps
USER 10001:10001
# Celery's warm shutdown: running tasks finish, what is held goes back to the queue.
STOPSIGNAL SIGTERM
CMD ["celery", "-A", "config", "worker", "-Q", "conversations.fifo"]
