"""The environment variables that configure the service: names, meanings, forms and defaults.

docs/configuration.md shows this table; a test compares.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from apps.common.version import VERSION
from config import forms

REQUIRED = object()


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One environment variable. `parse` raises ValueError with what to set instead."""

    name: str
    meaning: str
    parse: Callable[[str], Any] = str
    default: Any = REQUIRED
    example: str = ""


SETTINGS = (
    Setting(
        name="SQS_CONVERSATION_QUEUE_URL",
        meaning="the URL of the FIFO queue that the events come from",
        example="https://sqs.us-east-1.amazonaws.com/123456789012/conversations.fifo",
        parse=forms.fifo_url,
    ),
    Setting(
        name="SQS_CONVERSATION_DLQ_URL",
        meaning="the URL of the FIFO queue for dead letters",
        example="https://sqs.us-east-1.amazonaws.com/123456789012/conversations-dlq.fifo",
        parse=forms.fifo_url,
    ),
    Setting(
        name="SQS_CONVERSATION_REGION", meaning="the AWS region of both queues", example="us-east-1"
    ),
    Setting(
        name="DYNAMODB_MESSAGE_TABLE",
        meaning="the DynamoDB table for the messages of open conversations",
        example="conversation_messages",
    ),
    Setting(name="DYNAMODB_REGION", meaning="the AWS region of that table", example="us-east-1"),
    Setting(
        name="DATABASE_URL",
        meaning="the PostgreSQL database",
        example="postgres://user:password@host:5432/conversations",
        parse=forms.database,
    ),
    Setting(
        name="SECRET_KEY",
        meaning="Django's secret key, 50 random characters or more",
        example='the output of: python -c "import secrets; print(secrets.token_urlsafe(50))"',
        parse=forms.secret_key,
    ),
    Setting(
        name="DATALAKE_URL",
        meaning="where survey answers go",
        example="file:///var/lib/conversation-service/lake",
        parse=forms.lake,
    ),
    Setting(
        name="AGENT_UUID_CSAT",
        meaning="the UUID of the agent that asks for CSAT, for the data lake",
        example="b1f8a4de-6b0c-4c33-9d55-0c1de9b5cc01",
        parse=forms.uuid_text,
    ),
    Setting(
        name="AGENT_UUID_NPS",
        meaning="the UUID of the agent that asks for NPS, for the data lake",
        example="b1f8a4de-6b0c-4c33-9d55-0c1de9b5cc02",
        parse=forms.uuid_text,
    ),
    Setting(
        name="SQS_CONVERSATION_VISIBILITY_TIMEOUT",
        meaning="for how many seconds a received event is hidden from other workers; it is renewed",
        default=60,
        parse=forms.visibility_timeout,
    ),
    Setting(
        name="WORKER_BUNDLE",
        meaning="the most events that a pool process gets at once under backlog; 1: never more",
        default=25,
        parse=forms.bundle,
    ),
    Setting(
        name="WORKER_LIVENESS_FILE",
        meaning="a file that the worker touches while it is alive; empty: none",
        default="",
    ),
    Setting(
        name="DEFAULT_TIMEZONE",
        meaning="the time zone of a project on first sight",
        default="America/Sao_Paulo",
        parse=forms.timezone,
    ),
    Setting(
        name="CLOSING_QUIET_PERIOD",
        meaning="for how many seconds a closing is put off while messages younger than that come",
        default=timedelta(seconds=600),
        parse=forms.seconds,
    ),
    Setting(
        name="CLOSING_MAX_POSTPONE",
        meaning="for how many seconds a closing may be put off in all",
        default=timedelta(seconds=7200),
        parse=forms.seconds,
    ),
    Setting(
        name="CELERY_CONTROL_URL",
        meaning="a Redis-protocol broker for events and remote control; empty: none",
        default="",
        parse=forms.redis_url,
    ),
    Setting(
        name="CELERY_CONTROL_INSECURE",
        meaning="that broker may be on another host without TLS, inside a private network",
        default=False,
        parse=forms.switch,
    ),
    Setting(
        name="SENTRY_DSN",
        meaning="where errors are reported; empty: nowhere",
        default="",
        parse=forms.sentry_dsn,
    ),
    Setting(
        name="SENTRY_ENVIRONMENT",
        meaning="the environment that error reports name",
        default="production",
        parse=forms.sentry_environment,
    ),
    Setting(
        name="SENTRY_RELEASE",
        meaning="the release that error reports name",
        default=f"conversation-service@{VERSION}",
        parse=forms.sentry_release,
    ),
    Setting(
        name="METRICS_PORT",
        meaning="the port on which a worker serves its Prometheus metrics; empty: none",
        default="",
        parse=forms.port,
    ),
    Setting(
        name="METRICS_ADDRESS",
        meaning="the IP address on which it serves them",
        default="127.0.0.1",
        parse=forms.ip_address,
    ),
    Setting(
        name="TRACING_ENABLED",
        meaning="workers send a trace of each event to an OpenTelemetry collector",
        default=False,
        parse=forms.tracing,
    ),
    Setting(
        name="LOG_LEVEL", meaning="the least level logged", default="INFO", parse=forms.log_level
    ),
    Setting(
        name="DJANGO_DEBUG",
        meaning="Django's debug mode, for development only",
        default=False,
        parse=forms.switch,
    ),
    Setting(
        name="DJANGO_ALLOWED_HOSTS",
        meaning="the host names under which the admin site answers, separated by commas",
        default=["localhost", "127.0.0.1"],
        parse=forms.names,
    ),
    Setting(
        name="DJANGO_PLAIN_HTTP",
        meaning="the admin site answers without TLS, for a server that only this machine reaches",
        default=False,
        parse=forms.switch,
    ),
    Setting(
        name="DJANGO_STATIC_ROOT",
        meaning="the folder that `manage.py collectstatic` fills; empty: files of the packages",
        default="",
        parse=forms.folder,
    ),
    Setting(
        name="FLOWER_MAY_CONTROL",
        meaning="Flower may control workers, not only watch them; it never sends tasks",
        default=False,
        parse=forms.switch,
    ),
    Setting(
        name="CONSOLE_ENABLED",
        meaning="the page with the figures and transcripts in the admin site",
        default=False,
        parse=forms.switch,
    ),
)
