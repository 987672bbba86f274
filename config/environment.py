"""The settings that come from the environment: their names, meanings, types and defaults.

No other module reads them. A test compares this table with docs/configuration.md.
"""

import os
import secrets
from typing import Any, Self

from django.core.exceptions import ImproperlyConfigured
from pydantic import Field, ValidationError, model_validator

from apps.common.version import VERSION
from config import parsers
from config.contradictions import (
    control_broker_problems,
    queue_problems,
    secret_key_problems,
)
from config.database_settings import database_problems
from config.event_settings import EventSettings
from config.problems import describe_invalid, describe_unknown
from config.secret_files import file_variable, names_of_files, path_of, read_secret_files


class Environment(EventSettings):
    """All settings of the service: those in EventSettings, and those of its operation and pages."""

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
    DJANGO_HSTS: parsers.HstsScope = Field(
        default="host",
        description=(
            "for which hosts browsers remember to use only TLS: host, subdomains, or preload for "
            "the lists of browsers, too"
        ),
        examples=["subdomains"],
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

    def database_login(self) -> dict[str, Any]:
        """Return the settings that decide about the login to PostgreSQL, and about its TLS."""
        return {
            "database": self.DATABASE_URL,
            "password_file": self.DATABASE_PASSWORD_FILE,
            "secret_arn": self.DATABASE_SECRET_ARN,
            "iam_region": self.DATABASE_IAM_REGION,
        }

    @model_validator(mode="after")
    def _refuse_contradictions(self) -> Self:
        problems = [
            *queue_problems(
                queue_url=self.SQS_CONVERSATION_QUEUE_URL,
                dlq_url=self.SQS_CONVERSATION_DLQ_URL,
                region=self.SQS_CONVERSATION_REGION,
            ),
            *secret_key_problems(
                self.SECRET_KEY,
                queue_url=self.SQS_CONVERSATION_QUEUE_URL,
                hosts=self.DJANGO_ALLOWED_HOSTS,
            ),
            *database_problems(**self.database_login()),
            *control_broker_problems(
                self.CELERY_CONTROL_URL, may_be_plain=self.CELERY_CONTROL_INSECURE
            ),
        ]
        if problems:
            raise ValueError("\n".join(problems))
        return self


def set_examples() -> None:
    """Set each setting that has no default to its example, for a program that uses no server.

    Values from the environment are replaced, too: they could contradict the examples of others.
    """
    for name, field in Environment.model_fields.items():
        if field.is_required():
            os.environ.pop(file_variable(name), None)
            os.environ[name] = field.examples[0] if field.examples else ""
    os.environ["SECRET_KEY"] = secrets.token_urlsafe(50)


def read_environment() -> Environment:
    """Return the settings from the environment.

    Raise ImproperlyConfigured with one sentence for each setting that is missing, malformed or
    unknown, so that all of them can be corrected at once.
    """
    fields = Environment.model_fields
    problems = describe_unknown(os.environ, known=[*fields, *names_of_files(fields)])
    from_files, problems_of_files = read_secret_files(fields)
    problems += problems_of_files
    try:
        environment = Environment(**from_files)
    except ValidationError as error:
        in_files = [name for name in fields if path_of(name)]
        problems += describe_invalid(error, fields=fields, in_files=in_files)
    if problems:
        raise ImproperlyConfigured("\n".join(["The environment has errors:", *problems]))
    return environment
