"""The settings that come from the environment: their names, forms, defaults and meanings.

The only place that reads the environment. docs/configuration.md shows this table; a test compares.
"""

import difflib
import ipaddress
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured
from sentry_sdk.utils import BadDsn, Dsn

from apps.analytics.datalake import data_lake
from apps.conversations import timezones
from config.version import VERSION

REQUIRED = object()
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
OUR_PREFIXES = (
    "SQS_CONVERSATION_",
    "DYNAMODB_",
    "DATALAKE_",
    "AGENT_UUID_",
    "CELERY_CONTROL_",
    "WORKER_",
    "CLOSING_",
    "CONSOLE_",
    "METRICS_",
    "TRACING_",
)
TRACING_PACKAGES = ("opentelemetry.sdk.trace", "opentelemetry.exporter.otlp.proto.http")


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One environment variable. `parse` raises ValueError with what to set instead."""

    name: str
    meaning: str
    parse: Callable[[str], Any] = str
    default: Any = REQUIRED
    example: str = ""


def read(environment: Mapping[str, str]) -> dict[str, Any]:
    """The value of every setting, defaults filled in; an empty variable counts as absent.

    Raises ImproperlyConfigured with one sentence for each setting that is missing, malformed or
    unknown, so that all of them can be mended at once.
    """
    values: dict[str, Any] = {}
    problems = _unknown(environment)
    for setting in SETTINGS:
        text = environment.get(setting.name, "")
        try:
            values[setting.name] = _value(setting, text)
        except ValueError as error:
            problems.append(f"{setting.name}: {error}")
    if not problems:
        problems += _contradictions(values)
    if problems:
        raise ImproperlyConfigured("\n".join(["The environment needs mending:", *problems]))
    return values


def _contradictions(values: Mapping[str, Any]) -> list[str]:
    problems = []
    if values["SQS_CONVERSATION_DLQ_URL"] == values["SQS_CONVERSATION_QUEUE_URL"]:
        problems.append("SQS_CONVERSATION_DLQ_URL: must be another queue than the events' own.")
    problems += _open_to_strangers(
        urlsplit(values["CELERY_CONTROL_URL"]), may_be_plain=values["CELERY_CONTROL_INSECURE"]
    )
    return problems


def _open_to_strangers(control: SplitResult, *, may_be_plain: bool) -> list[str]:
    """Whoever reaches the control broker can stop workers and quarantine events."""
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


def _value(setting: Setting, text: str) -> Any:
    if text:
        return setting.parse(text)
    if setting.default is REQUIRED:
        raise ValueError(f"is not set. Set it to {setting.meaning}, for example {setting.example}.")
    return setting.default


def _unknown(environment: Mapping[str, str]) -> list[str]:
    names = [setting.name for setting in SETTINGS]
    unknown = [name for name in environment if name.startswith(OUR_PREFIXES) and name not in names]
    return [_unknown_sentence(name, names) for name in sorted(unknown)]


def _unknown_sentence(name: str, names: list[str]) -> str:
    nearest = difflib.get_close_matches(name, names, n=1)
    hint = f" Did you mean {nearest[0]}?" if nearest else ""
    return f"{name}: there is no such setting.{hint} Unset it or correct its name."


def _split(text: str) -> SplitResult | None:
    """The parts of a URL, or None where it is none; what it says may be secret."""
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018 (reading it checks it)
    except ValueError:
        return None
    return parts


def _fifo_url(text: str) -> str:
    parts = _split(text)
    if (
        not parts
        or parts.scheme not in ("http", "https")
        or not parts.netloc
        or not text.endswith(".fifo")
    ):
        raise ValueError("must be the http(s) URL of a queue whose name ends in .fifo.")
    return text


def _database(text: str) -> dict[str, Any]:
    parts = _split(text)
    if not parts or parts.scheme not in ("postgres", "postgresql") or len(parts.path) < 2:
        raise ValueError(
            "must be a URL such as postgres://user:password@host:5432/database, with a password "
            "whose special characters are percent-encoded."
        )
    return dict(environ.Env.db_url_config(text))


def _lake(text: str) -> str:
    data_lake(text)
    return text


def _redis_url(text: str) -> str:
    parts = _split(text)
    if not parts or parts.scheme not in ("redis", "rediss") or not parts.hostname:
        raise ValueError("must be a redis:// or rediss:// URL.")
    if parts.query or parts.fragment or not (parts.path.strip("/") or "0").isdecimal():
        raise ValueError(
            "must be a URL such as rediss://:password@host:6379/0, with nothing after the number, "
            "and with a password whose special characters are percent-encoded."
        )
    return text


def _sentry_dsn(text: str) -> str:
    try:
        return str(Dsn(text))
    except BadDsn:
        raise ValueError("must be the DSN that Sentry shows for the project.") from None


def _sentry_environment(text: str) -> str:
    # Sentry, "Environments": up to 64 characters, no spaces, line ends or slashes, and not "None".
    if not re.fullmatch(r"[^\s/]{1,64}", text) or text == "None":
        raise ValueError("must be up to 64 characters, without spaces and slashes.")
    return text


def _sentry_release(text: str) -> str:
    # Sentry, "Releases & Health": up to 200 characters, no line ends, tabs or slashes.
    if not re.fullmatch(r"[^\n\t/\\]{1,200}", text) or text in (".", "..", " "):
        raise ValueError("must be up to 200 characters, without slashes and line ends.")
    return text


def _uuid(text: str) -> str:
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise ValueError("must be a UUID.") from None


def _visibility_timeout(text: str) -> int:
    if not text.isdecimal() or not 10 <= int(text) <= 43_200:
        raise ValueError("must be a whole number of seconds from 10 to 43200.")
    return int(text)


def _seconds(text: str) -> timedelta:
    if not text.isdecimal() or len(text) > 6:
        raise ValueError("must be a whole number of seconds, as in 600.")
    return timedelta(seconds=int(text))


def _bundle(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 25:
        raise ValueError("must be a whole number from 1 to 25.")
    return int(text)


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65_535:
        raise ValueError("must be a port from 1 to 65535.")
    return int(text)


def _ip_address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise ValueError("must be an IP address of this machine, as in 127.0.0.1.") from None


def _timezone(text: str) -> str:
    if not timezones.is_known(text):
        raise ValueError(timezones.unknown_sentence(text))
    return text


def _log_level(text: str) -> str:
    if text.upper() not in LOG_LEVELS:
        raise ValueError(f"must be one of {', '.join(LOG_LEVELS)}.")
    return text.upper()


def _secret_key(text: str) -> str:
    if len(text) < 50:
        raise ValueError("must be at least 50 random characters.")
    return text


def _switch(text: str) -> bool:
    words = {"1": True, "true": True, "on": True, "0": False, "false": False, "off": False}
    if text.lower() not in words:
        raise ValueError("must be true or false.")
    return words[text.lower()]


def _tracing(text: str) -> bool:
    is_on = _switch(text)
    if is_on and not all(map(_is_installed, TRACING_PACKAGES)):
        raise ValueError(
            "needs OpenTelemetry, which is not installed by default: "
            "pip install --require-hashes --requirement requirements/tracing.txt"
        )
    return is_on


def _is_installed(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ModuleNotFoundError:
        return False


def _folder(text: str) -> str:
    if not Path(text).is_absolute():
        raise ValueError("must be an absolute path, as in /app/static.")
    return text


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


SETTINGS = (
    Setting(
        name="SQS_CONVERSATION_QUEUE_URL",
        meaning="the URL of the FIFO queue that the events come from",
        example="https://sqs.us-east-1.amazonaws.com/123456789012/conversations.fifo",
        parse=_fifo_url,
    ),
    Setting(
        name="SQS_CONVERSATION_DLQ_URL",
        meaning="the URL of the FIFO queue for dead letters",
        example="https://sqs.us-east-1.amazonaws.com/123456789012/conversations-dlq.fifo",
        parse=_fifo_url,
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
        parse=_database,
    ),
    Setting(
        name="SECRET_KEY",
        meaning="Django's secret key, 50 random characters or more",
        example='the output of: python -c "import secrets; print(secrets.token_urlsafe(50))"',
        parse=_secret_key,
    ),
    Setting(
        name="DATALAKE_URL",
        meaning="where survey answers go",
        example="file:///var/lib/conversation-service/lake",
        parse=_lake,
    ),
    Setting(
        name="AGENT_UUID_CSAT",
        meaning="the UUID of the agent that asks for CSAT, for the data lake",
        example="b1f8a4de-6b0c-4c33-9d55-0c1de9b5cc01",
        parse=_uuid,
    ),
    Setting(
        name="AGENT_UUID_NPS",
        meaning="the UUID of the agent that asks for NPS, for the data lake",
        example="b1f8a4de-6b0c-4c33-9d55-0c1de9b5cc02",
        parse=_uuid,
    ),
    Setting(
        name="SQS_CONVERSATION_VISIBILITY_TIMEOUT",
        meaning="for how many seconds a received event is hidden from other workers; it is renewed",
        default=60,
        parse=_visibility_timeout,
    ),
    Setting(
        name="WORKER_BUNDLE",
        meaning="the most events that a pool process gets at once under backlog; 1: never more",
        default=25,
        parse=_bundle,
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
        parse=_timezone,
    ),
    Setting(
        name="CLOSING_QUIET_PERIOD",
        meaning="for how many seconds a closing is put off while messages younger than that come",
        default=timedelta(seconds=600),
        parse=_seconds,
    ),
    Setting(
        name="CLOSING_MAX_POSTPONE",
        meaning="for how many seconds a closing may be put off in all",
        default=timedelta(seconds=7200),
        parse=_seconds,
    ),
    Setting(
        name="CELERY_CONTROL_URL",
        meaning="a Redis-protocol broker for events and remote control; empty: none",
        default="",
        parse=_redis_url,
    ),
    Setting(
        name="CELERY_CONTROL_INSECURE",
        meaning="that broker may be on another host without TLS, inside a private network",
        default=False,
        parse=_switch,
    ),
    Setting(
        name="SENTRY_DSN",
        meaning="where errors are reported; empty: nowhere",
        default="",
        parse=_sentry_dsn,
    ),
    Setting(
        name="SENTRY_ENVIRONMENT",
        meaning="the environment that error reports name",
        default="production",
        parse=_sentry_environment,
    ),
    Setting(
        name="SENTRY_RELEASE",
        meaning="the release that error reports name",
        default=f"conversation-service@{VERSION}",
        parse=_sentry_release,
    ),
    Setting(
        name="METRICS_PORT",
        meaning="the port on which a worker serves its Prometheus metrics; empty: none",
        default="",
        parse=_port,
    ),
    Setting(
        name="METRICS_ADDRESS",
        meaning="the IP address on which it serves them",
        default="127.0.0.1",
        parse=_ip_address,
    ),
    Setting(
        name="TRACING_ENABLED",
        meaning="workers send a trace of each event to an OpenTelemetry collector",
        default=False,
        parse=_tracing,
    ),
    Setting(name="LOG_LEVEL", meaning="the least level logged", default="INFO", parse=_log_level),
    Setting(
        name="DJANGO_DEBUG",
        meaning="Django's debug mode, for development only",
        default=False,
        parse=_switch,
    ),
    Setting(
        name="DJANGO_ALLOWED_HOSTS",
        meaning="the host names under which the admin site answers, separated by commas",
        default=["localhost", "127.0.0.1"],
        parse=_names,
    ),
    Setting(
        name="DJANGO_PLAIN_HTTP",
        meaning="the admin site answers without TLS, for a server that only this machine reaches",
        default=False,
        parse=_switch,
    ),
    Setting(
        name="DJANGO_STATIC_ROOT",
        meaning="the folder that `manage.py collectstatic` fills; empty: files of the packages",
        default="",
        parse=_folder,
    ),
    Setting(
        name="FLOWER_MAY_CONTROL",
        meaning="Flower may control workers, not only watch them; it never sends tasks",
        default=False,
        parse=_switch,
    ),
    Setting(
        name="CONSOLE_ENABLED",
        meaning="the page with the figures and transcripts in the admin site",
        default=False,
        parse=_switch,
    ),
)
