"""The settings that come from the environment: their names, meanings, types and defaults.

This is the only place that reads them. docs/configuration.md shows this table; a test compares.
"""

import ipaddress
import os
from datetime import timedelta
from typing import Self
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured
from pydantic import Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from apps.common.version import VERSION
from config import parsers
from config.problems import invalid, unknown


class Environment(BaseSettings):
    """The settings of the service, each from the environment variable of its name."""

    model_config = SettingsConfigDict(
        case_sensitive=True,
        # An empty variable counts as absent.
        env_ignore_empty=True,
        # The types in config.parsers read all values; pydantic would read lists as JSON.
        enable_decoding=False,
        validate_default=False,
        frozen=True,
        hide_input_in_errors=True,
    )

    SQS_CONVERSATION_QUEUE_URL: parsers.FifoUrl = Field(
        description="the URL of the FIFO queue that the events come from",
        examples=["https://sqs.us-east-1.amazonaws.com/123456789012/conversations.fifo"],
    )
    SQS_CONVERSATION_DLQ_URL: parsers.FifoUrl = Field(
        description="the URL of the FIFO queue for dead letters",
        examples=["https://sqs.us-east-1.amazonaws.com/123456789012/conversations-dlq.fifo"],
    )
    SQS_CONVERSATION_REGION: str = Field(
        description="the AWS region of both queues",
        examples=["us-east-1"],
    )
    DYNAMODB_MESSAGE_TABLE: str = Field(
        description="the DynamoDB table for the messages of open conversations",
        examples=["conversation_messages"],
    )
    DYNAMODB_REGION: str = Field(
        description="the AWS region of that table",
        examples=["us-east-1"],
    )
    DATABASE_URL: parsers.Database = Field(
        description="the PostgreSQL database",
        examples=["postgres://user:password@host:5432/conversations"],
        repr=False,
    )
    SECRET_KEY: parsers.SecretKey = Field(
        description="Django's secret key, 50 random characters or more",
        examples=['the output of: python -c "import secrets; print(secrets.token_urlsafe(50))"'],
        repr=False,
    )
    DATALAKE_URL: parsers.LakeUrl = Field(
        description="where survey answers go",
        examples=["file:///var/lib/conversation-service/lake"],
    )
    AGENT_UUID_CSAT: parsers.UuidText = Field(
        description="the UUID of the agent that asks for CSAT, for the data lake",
        examples=["b1f8a4de-6b0c-4c33-9d55-0c1de9b5cc01"],
    )
    AGENT_UUID_NPS: parsers.UuidText = Field(
        description="the UUID of the agent that asks for NPS, for the data lake",
        examples=["b1f8a4de-6b0c-4c33-9d55-0c1de9b5cc02"],
    )
    SQS_CONVERSATION_VISIBILITY_TIMEOUT: parsers.VisibilityTimeout = Field(
        default=60,
        description=(
            "for how many seconds a received event is hidden from other workers; it is renewed"
        ),
        examples=["120"],
    )
    WORKER_BATCH_SIZE: parsers.Batch = Field(
        default=25,
        description="the most events that a pool process gets at once under backlog; 1: never more",
        examples=["1"],
    )
    WORKER_LIVENESS_FILE: str = Field(
        default="",
        description="a file that the worker touches while it is alive; empty: none",
        examples=["/tmp/worker-alive"],  # noqa: S108 (the operator's own file)
    )
    DEFAULT_TIMEZONE: parsers.TimeZone = Field(
        default="America/Sao_Paulo",
        description="the time zone of a project on first sight",
        examples=["Europe/Lisbon"],
    )
    CLOSING_QUIET_PERIOD: parsers.Seconds = Field(
        default=timedelta(seconds=600),
        description=(
            "for how many seconds a closing is put off while messages younger than that come"
        ),
        examples=["300"],
    )
    CLOSING_MAX_POSTPONE: parsers.Seconds = Field(
        default=timedelta(seconds=7200),
        description="for how many seconds a closing may be put off in all",
        examples=["3600"],
    )
    CELERY_CONTROL_URL: parsers.RedisUrl = Field(
        default="",
        description="a Redis-protocol broker for events and remote control; empty: none",
        examples=["rediss://:password@valkey.example.org:6379/0"],
        repr=False,
    )
    CELERY_CONTROL_INSECURE: parsers.Switch = Field(
        default=False,
        description="that broker may be on another host without TLS, inside a private network",
        examples=["true"],
    )
    SENTRY_DSN: parsers.SentryDsn = Field(
        default="",
        description="where errors are reported; empty: nowhere",
        examples=["https://key@sentry.example.org/1"],
        repr=False,
    )
    SENTRY_ENVIRONMENT: parsers.SentryEnvironment = Field(
        default="production",
        description="the environment that error reports name",
        examples=["staging"],
    )
    SENTRY_RELEASE: parsers.SentryRelease = Field(
        default=f"conversation-service@{VERSION}",
        description="the release that error reports name",
        examples=["conversation-service@1.2.3"],
    )
    METRICS_PORT: parsers.Port | None = Field(
        default=None,
        description="the port on which a worker serves its Prometheus metrics; empty: none",
        examples=["9808"],
    )
    METRICS_ADDRESS: parsers.IpAddress = Field(
        default="127.0.0.1",
        description="the IP address on which it serves them",
        examples=["10.0.0.7"],
    )
    TRACING_ENABLED: parsers.Tracing = Field(
        default=False,
        description="workers send a trace of each event to an OpenTelemetry collector",
        examples=["true"],
    )
    LOG_LEVEL: parsers.LogLevel = Field(
        default="INFO",
        description="the least level logged",
        examples=["WARNING"],
    )
    DJANGO_DEBUG: parsers.Switch = Field(
        default=False,
        description="Django's debug mode, for development only",
        examples=["true"],
    )
    DJANGO_ALLOWED_HOSTS: parsers.Names = Field(
        default=["localhost", "127.0.0.1"],
        description="the host names under which the admin site answers, separated by commas",
        examples=["admin.example.org"],
    )
    DJANGO_PLAIN_HTTP: parsers.Switch = Field(
        default=False,
        description=(
            "the admin site answers without TLS, for a server that only this machine reaches"
        ),
        examples=["true"],
    )
    DJANGO_STATIC_ROOT: parsers.Folder = Field(
        default="",
        description="the folder that `manage.py collectstatic` fills; empty: files of the packages",
        examples=["/app/static"],
    )
    FLOWER_MAY_CONTROL: parsers.Switch = Field(
        default=False,
        description="Flower may control workers, not only watch them; it never sends tasks",
        examples=["true"],
    )
    CONSOLE_ENABLED: parsers.Switch = Field(
        default=False,
        description="the page with the figures and transcripts in the admin site",
        examples=["true"],
    )

    @model_validator(mode="after")
    def _refuse_contradictions(self) -> Self:
        problems = []
        if self.SQS_CONVERSATION_DLQ_URL == self.SQS_CONVERSATION_QUEUE_URL:
            problems.append("SQS_CONVERSATION_DLQ_URL: must be another queue than the events' own.")
        problems += _open_to_strangers(
            self.CELERY_CONTROL_URL, may_be_plain=self.CELERY_CONTROL_INSECURE
        )
        if problems:
            raise ValueError("\n".join(problems))
        return self


def read() -> Environment:
    """Return the settings from the environment.

    Raises ImproperlyConfigured with one sentence for each setting that is missing, malformed or
    unknown, so that all of them can be mended at once.
    """
    problems = unknown(os.environ, fields=Environment.model_fields)
    try:
        environment = Environment()
    except ValidationError as error:
        problems += invalid(error, fields=Environment.model_fields)
    if problems:
        raise ImproperlyConfigured("\n".join(["The environment needs mending:", *problems]))
    return environment


def _open_to_strangers(url: str, *, may_be_plain: bool) -> list[str]:
    """Return what is wrong with this control broker. Whoever reaches it can stop workers."""
    control = urlsplit(url)
    if not control.hostname or _is_loopback(control.hostname):
        return []
    problems = []
    if not control.password:
        problems.append(
            "CELERY_CONTROL_URL: needs a password, as in rediss://:password@host:6379/0: whoever "
            "reaches this broker can stop the workers."
        )
    if control.scheme != "rediss" and not may_be_plain:
        problems.append(
            "CELERY_CONTROL_URL: must begin with rediss:// (TLS), because the broker is on another "
            "host. Inside a private network set CELERY_CONTROL_INSECURE=true instead."
        )
    return problems


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
