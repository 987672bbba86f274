"""The settings that come from the environment: their names, meanings, types and defaults.

No other module reads them. A test compares this table with docs/configuration.md.
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
from config.problems import describe_invalid, describe_unknown


class Environment(BaseSettings):
    """The settings of the service. Each is read from the environment variable of the same name."""

    model_config = SettingsConfigDict(
        case_sensitive=True,
        # An empty variable counts as absent.
        env_ignore_empty=True,
        # The types in config.parsers parse all values. pydantic would parse lists as JSON.
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
        description="the AWS region of the DynamoDB table",
        examples=["us-east-1"],
    )
    DATABASE_URL: parsers.DatabaseUrl = Field(
        description="the PostgreSQL database",
        examples=["postgres://user:password@host:5432/conversations"],
        repr=False,
    )
    DATABASE_TIMEOUT: parsers.Duration = Field(
        default=timedelta(seconds=35),
        description=(
            "how long a process waits for an answer from PostgreSQL; more than the "
            "statement_timeout of the role"
        ),
        examples=["60s"],
    )
    SECRET_KEY: parsers.SecretKey = Field(
        description="Django's secret key, 50 random characters or more",
        examples=['the output of: python -c "import secrets; print(secrets.token_urlsafe(50))"'],
        repr=False,
    )
    DATALAKE_URL: parsers.LakeUrl = Field(
        description="the URL of the data lake that survey answers are sent to; none: no lake",
        examples=["file:///var/lib/conversation-service/lake"],
    )
    AGENT_UUID_CSAT: parsers.UuidText = Field(
        description="the UUID of the agent in each CSAT answer that is sent to the data lake",
        examples=["b1f8a4de-6b0c-4c33-9d55-0c1de9b5cc01"],
    )
    AGENT_UUID_NPS: parsers.UuidText = Field(
        description="the UUID of the agent in each NPS answer that is sent to the data lake",
        examples=["b1f8a4de-6b0c-4c33-9d55-0c1de9b5cc02"],
    )
    SQS_CONVERSATION_VISIBILITY_TIMEOUT: parsers.VisibilityTimeout = Field(
        default=60,
        description=(
            "how long a received event is hidden from other workers, in seconds; workers renew it"
        ),
        examples=["120"],
    )
    SQS_GATHER_MS: parsers.GatherMilliseconds = Field(
        default=150,
        description=(
            "how long messages gather between two receives, in milliseconds: longer costs less, "
            "and 0 has the shortest latency"
        ),
        examples=["0"],
    )
    SQS_POLL_SECONDS: parsers.PollSeconds = Field(
        default=20,
        description=(
            "how long a worker waits for messages with one call, in seconds: longer costs less, "
            "and an idle worker takes as long to stop"
        ),
        examples=["2"],
    )
    EVENT_ADAPTERS: parsers.AdapterList = Field(
        default=[],
        description=(
            "the adapters that read the events of other producers, separated by commas; empty: none"
        ),
        examples=["flow_ticket,sns"],
    )
    WORKER_BATCH_SIZE: parsers.BatchSize = Field(
        default=25,
        description="the maximum number of events that a pool process handles together",
        examples=["1"],
    )
    WORKER_LIVENESS_FILE: str = Field(
        default="",
        description=(
            "a file that the worker touches while it is alive; empty: its own file in the "
            "temporary folder"
        ),
        examples=["/tmp/worker-alive"],  # noqa: S108 (the operator's own file)
    )
    DEFAULT_TIMEZONE: parsers.TimeZone = Field(
        default="America/Sao_Paulo",
        description="the time zone of new projects",
        examples=["Europe/Lisbon"],
    )
    CLOSING_QUIET_PERIOD: parsers.Duration = Field(
        default=timedelta(minutes=10),
        description="a closing is postponed while the newest message is younger than this",
        examples=["5m"],
    )
    CLOSING_MAX_POSTPONE: parsers.Duration = Field(
        default=timedelta(hours=2),
        description="the maximum time by which a closing is postponed in total",
        examples=["1h30m"],
    )
    TAKEOVER_MAX_DELAY: parsers.Duration = Field(
        default=timedelta(hours=24),
        description=(
            "how long after its end a conversation is still marked by a takeover, if none is open"
        ),
        examples=["2h"],
    )
    MESSAGE_STATUSES: parsers.StatusPolicy = Field(
        default="drop",
        description=(
            "what becomes of delivery statuses after they are counted: drop, or keep the last one "
            "of each message until its conversation is archived"
        ),
        examples=["keep"],
    )
    DEFAULT_ARCHIVE_RETENTION: parsers.Retention = Field(
        default=None,
        description="the archive retention of new projects; empty: archives are kept",
        examples=["365d"],
    )
    RETENTION_CONVERSATIONS: parsers.LongRetention = Field(
        default=None,
        description=(
            "how long closed conversations are kept, with their archives and answers, at least "
            "15d; empty: for ever"
        ),
        examples=["730d"],
    )
    RETENTION_ANSWERS: parsers.LongRetention = Field(
        default=None,
        description="how long survey answers are kept, at least 15d; empty: for ever",
        examples=["365d"],
    )
    RETENTION_DEAD_LETTERS: parsers.Retention = Field(
        default=None,
        description="how long collected dead letters are kept; empty: until they are discarded",
        examples=["90d"],
    )
    RETENTION_AUDIT: parsers.Retention = Field(
        default=None,
        description="how long entries of the audit log are kept; empty: for ever",
        examples=["365d"],
    )
    CELERY_CONTROL_URL: parsers.RedisUrl = Field(
        default="",
        description=(
            "the Redis URL of the broker for worker events and remote control; empty: no broker"
        ),
        examples=["rediss://:password@valkey.example.org:6379/0"],
        repr=False,
    )
    CELERY_CONTROL_INSECURE: parsers.Switch = Field(
        default=False,
        description=(
            "allow a control broker without TLS on another host, inside a private network"
        ),
        examples=["true"],
    )
    SENTRY_DSN: parsers.SentryDsn = Field(
        default="",
        description="the Sentry DSN that errors are reported to; empty: no reports",
        examples=["https://key@sentry.example.org/1"],
        repr=False,
    )
    SENTRY_ENVIRONMENT: parsers.SentryEnvironment = Field(
        default="production",
        description="the environment name in error reports",
        examples=["staging"],
    )
    SENTRY_RELEASE: parsers.SentryRelease = Field(
        default=f"conversation-service@{VERSION}",
        description="the release name in error reports",
        examples=["conversation-service@1.2.3"],
    )
    METRICS_PORT: parsers.Port | None = Field(
        default=None,
        description="the port on which a worker serves Prometheus metrics; empty: no metrics",
        examples=["9808"],
    )
    METRICS_ADDRESS: parsers.IpAddress = Field(
        default="127.0.0.1",
        description="the IP address on which a worker serves Prometheus metrics",
        examples=["10.0.0.7"],
    )
    TRACING_ENABLED: parsers.TracingSwitch = Field(
        default=False,
        description="send a trace of each event to an OpenTelemetry collector",
        examples=["true"],
    )
    LOG_LEVEL: parsers.LogLevel = Field(
        default="INFO",
        description="the minimum level of log lines",
        examples=["WARNING"],
    )
    DJANGO_DEBUG: parsers.Switch = Field(
        default=False,
        description="Django's debug mode, for development only",
        examples=["true"],
    )
    DJANGO_ALLOWED_HOSTS: parsers.NameList = Field(
        default=["localhost", "127.0.0.1"],
        description="the host names of the admin site, separated by commas",
        examples=["admin.example.org"],
    )
    DJANGO_PLAIN_HTTP: parsers.Switch = Field(
        default=False,
        description=(
            "serve the admin site without TLS, on a server that only this machine can reach"
        ),
        examples=["true"],
    )
    DJANGO_STATIC_ROOT: parsers.AbsolutePath = Field(
        default="",
        description=(
            "the folder that `manage.py collectstatic` fills; empty: serve the packages' own files"
        ),
        examples=["/app/static"],
    )
    FLOWER_MAY_CONTROL: parsers.Switch = Field(
        default=False,
        description="allow Flower to control workers, but not to send tasks",
        examples=["true"],
    )
    CONSOLE_ENABLED: parsers.Switch = Field(
        default=False,
        description="show the page with figures and transcripts in the admin site",
        examples=["true"],
    )

    @model_validator(mode="after")
    def _refuse_contradictions(self) -> Self:
        problems = []
        if self.SQS_CONVERSATION_DLQ_URL == self.SQS_CONVERSATION_QUEUE_URL:
            problems.append(
                "SQS_CONVERSATION_DLQ_URL: must not be the same queue as "
                "SQS_CONVERSATION_QUEUE_URL."
            )
        problems += _control_broker_problems(
            self.CELERY_CONTROL_URL, may_be_plain=self.CELERY_CONTROL_INSECURE
        )
        if problems:
            raise ValueError("\n".join(problems))
        return self


def read_environment() -> Environment:
    """Return the settings from the environment.

    Raise ImproperlyConfigured with one sentence for each setting that is missing, malformed or
    unknown, so that all of them can be corrected at once.
    """
    problems = describe_unknown(os.environ, fields=Environment.model_fields)
    try:
        environment = Environment()
    except ValidationError as error:
        problems += describe_invalid(error, fields=Environment.model_fields)
    if problems:
        raise ImproperlyConfigured("\n".join(["The environment has errors:", *problems]))
    return environment


def _control_broker_problems(url: str, *, may_be_plain: bool) -> list[str]:
    """Return a sentence for each way in which the settings expose the control broker."""
    control = urlsplit(url)
    if not control.hostname or _is_loopback(control.hostname):
        return []
    problems = []
    if not control.password:
        problems.append(
            "CELERY_CONTROL_URL: needs a password, as in rediss://:password@host:6379/0, because "
            "every client of this broker can stop the workers."
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
