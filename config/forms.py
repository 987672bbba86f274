"""The forms that settings have: each function reads one from the text of a variable.

Each raises ValueError with what to set instead.
"""

import ipaddress
import re
import uuid
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

import environ
from sentry_sdk.utils import BadDsn, Dsn

from apps.analytics.datalake import data_lake
from apps.common import timezones

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
TRACING_PACKAGES = ("opentelemetry.sdk.trace", "opentelemetry.exporter.otlp.proto.http")


def _split(text: str) -> SplitResult | None:
    """The parts of a URL, or None where it is none; what it says may be secret."""
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018 (reading it checks it)
    except ValueError:
        return None
    return parts


def fifo_url(text: str) -> str:
    """The URL of a FIFO queue."""
    parts = _split(text)
    if (
        not parts
        or parts.scheme not in ("http", "https")
        or not parts.netloc
        or not text.endswith(".fifo")
    ):
        raise ValueError("must be the http(s) URL of a queue whose name ends in .fifo.")
    return text


def database(text: str) -> dict[str, Any]:
    """A PostgreSQL URL, as Django's settings of a database."""
    parts = _split(text)
    if not parts or parts.scheme not in ("postgres", "postgresql") or len(parts.path) < 2:
        raise ValueError(
            "must be a URL such as postgres://user:password@host:5432/database, with a password "
            "whose special characters are percent-encoded."
        )
    return dict(environ.Env.db_url_config(text))


def lake(text: str) -> str:
    """The URL of a data lake."""
    data_lake(text)
    return text


def redis_url(text: str) -> str:
    """The URL of a server that speaks the Redis protocol."""
    parts = _split(text)
    if not parts or parts.scheme not in ("redis", "rediss") or not parts.hostname:
        raise ValueError("must be a redis:// or rediss:// URL.")
    if parts.query or parts.fragment or not (parts.path.strip("/") or "0").isdecimal():
        raise ValueError(
            "must be a URL such as rediss://:password@host:6379/0, with nothing after the number, "
            "and with a password whose special characters are percent-encoded."
        )
    return text


def sentry_dsn(text: str) -> str:
    """A DSN of Sentry."""
    try:
        return str(Dsn(text))
    except BadDsn:
        raise ValueError("must be the DSN that Sentry shows for the project.") from None


def sentry_environment(text: str) -> str:
    """The name of one of Sentry's environments."""
    # Sentry, "Environments": up to 64 characters, no spaces, line ends or slashes, and not "None".
    if not re.fullmatch(r"[^\s/]{1,64}", text) or text == "None":
        raise ValueError("must be up to 64 characters, without spaces and slashes.")
    return text


def sentry_release(text: str) -> str:
    """The name of one of Sentry's releases."""
    # Sentry, "Releases & Health": up to 200 characters, no line ends, tabs or slashes.
    if not re.fullmatch(r"[^\n\t/\\]{1,200}", text) or text in (".", "..", " "):
        raise ValueError("must be up to 200 characters, without slashes and line ends.")
    return text


def uuid_text(text: str) -> str:
    """A UUID in its usual form."""
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise ValueError("must be a UUID.") from None


def visibility_timeout(text: str) -> int:
    """Seconds that SQS takes, and that are enough for the worker."""
    if not text.isdecimal() or not 10 <= int(text) <= 43_200:
        raise ValueError("must be a whole number of seconds from 10 to 43200.")
    return int(text)


def seconds(text: str) -> timedelta:
    """Whole seconds."""
    if not text.isdecimal() or len(text) > 6:
        raise ValueError("must be a whole number of seconds, as in 600.")
    return timedelta(seconds=int(text))


def bundle(text: str) -> int:
    """A number of events that one write to DynamoDB takes."""
    if not text.isdecimal() or not 1 <= int(text) <= 25:
        raise ValueError("must be a whole number from 1 to 25.")
    return int(text)


def port(text: str) -> int:
    """A TCP port."""
    if not text.isdecimal() or not 1 <= int(text) <= 65_535:
        raise ValueError("must be a port from 1 to 65535.")
    return int(text)


def ip_address(text: str) -> str:
    """An IP address."""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise ValueError("must be an IP address of this machine, as in 127.0.0.1.") from None


def timezone(text: str) -> str:
    """The name of a time zone."""
    if not timezones.is_known(text):
        raise ValueError(timezones.unknown_sentence(text))
    return text


def log_level(text: str) -> str:
    """A level of logging."""
    if text.upper() not in LOG_LEVELS:
        raise ValueError(f"must be one of {', '.join(LOG_LEVELS)}.")
    return text.upper()


def secret_key(text: str) -> str:
    """A secret that is long enough."""
    if len(text) < 50:
        raise ValueError("must be at least 50 random characters.")
    return text


def switch(text: str) -> bool:
    """Yes or no."""
    words = {"1": True, "true": True, "on": True, "0": False, "false": False, "off": False}
    if text.lower() not in words:
        raise ValueError("must be true or false.")
    return words[text.lower()]


def tracing(text: str) -> bool:
    """Yes or no; yes only where OpenTelemetry is installed."""
    is_on = switch(text)
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


def folder(text: str) -> str:
    """An absolute path."""
    if not Path(text).is_absolute():
        raise ValueError("must be an absolute path, as in /app/static.")
    return text


def names(text: str) -> list[str]:
    """Names, separated by commas."""
    return [name.strip() for name in text.split(",") if name.strip()]
