"""The types of settings: each reads its value from the text of an environment variable.

A parser raises ValueError with what to set instead. It does not quote the text, which may be
secret, unless the setting is never secret.
"""

import ast
import ipaddress
import re
import uuid
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import SplitResult, parse_qs, unquote, unquote_plus, urlsplit

from pydantic import AfterValidator, BeforeValidator
from sentry_sdk.utils import BadDsn, Dsn

from apps.analytics.datalake import data_lake
from apps.common import timezones

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
TRACING_PACKAGES = ("opentelemetry.sdk.trace", "opentelemetry.exporter.otlp.proto.http")
# Django's own settings of a database that a URL may set in its query.
DATABASE_SETTINGS = (
    "ATOMIC_REQUESTS",
    "AUTOCOMMIT",
    "CONN_HEALTH_CHECKS",
    "CONN_MAX_AGE",
    "DISABLE_SERVER_SIDE_CURSORS",
)


def _split(text: str) -> SplitResult | None:
    """Return the parts of a URL, or None where it is malformed."""
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018 (reading it checks it)
    except ValueError:
        return None
    return parts


def fifo_url(text: str) -> str:
    """Return the URL of a FIFO queue."""
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
    """Return Django's settings of the database that a PostgreSQL URL names.

    A path such as /var/run/postgresql/NAME names the folder of a socket. What the query sets is
    Django's (DATABASE_SETTINGS, as Python literals), or else an option of the driver.
    """
    parts = _split(text)
    if not parts or parts.scheme not in ("postgres", "postgresql") or len(parts.path) < 2:
        raise ValueError(
            "must be a URL such as postgres://user:password@host:5432/database, with a password "
            "whose special characters are percent-encoded."
        )
    host, name = parts.hostname or "", unquote_plus(parts.path[1:])
    if name.startswith("/"):
        host, name = name.rsplit("/", 1)
    settings: dict[str, Any] = {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": name,
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host,
        "PORT": parts.port or "",
    }
    if parts.query:
        settings["OPTIONS"] = {}
    for key, (value, *_) in parse_qs(parts.query).items():
        if key.upper() in DATABASE_SETTINGS:
            settings[key.upper()] = _literal(value)
        else:
            settings["OPTIONS"][key] = int(value) if value.isdecimal() else value
    return settings


def _literal(text: str) -> Any:
    """Return the value of a Python literal, or the text itself where it is none."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def lake_url(text: str) -> str:
    """Return the URL of a data lake."""
    data_lake(text)
    return text


def redis_url(text: str) -> str:
    """Return the URL of a server that speaks the Redis protocol."""
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
    """Return a DSN of Sentry."""
    try:
        return str(Dsn(text))
    except BadDsn:
        raise ValueError("must be the DSN that Sentry shows for the project.") from None


def sentry_environment(text: str) -> str:
    """Return the name of one of Sentry's environments."""
    # Sentry, "Environments": up to 64 characters, no spaces, line ends or slashes, and not "None".
    if not re.fullmatch(r"[^\s/]{1,64}", text) or text == "None":
        raise ValueError("must be up to 64 characters, without spaces and slashes.")
    return text


def sentry_release(text: str) -> str:
    """Return the name of one of Sentry's releases."""
    # Sentry, "Releases & Health": up to 200 characters, no line ends, tabs or slashes.
    if not re.fullmatch(r"[^\n\t/\\]{1,200}", text) or text in (".", "..", " "):
        raise ValueError("must be up to 200 characters, without slashes and line ends.")
    return text


def uuid_text(text: str) -> str:
    """Return a UUID in its usual form."""
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise ValueError("must be a UUID.") from None


def seconds(text: str) -> timedelta:
    """Return a period of whole seconds."""
    if not text.isdecimal() or len(text) > 6:
        raise ValueError("must be a whole number of seconds, as in 600.")
    return timedelta(seconds=int(text))


def whole_number(*, minimum: int, maximum: int, noun: str) -> BeforeValidator:
    """Return a parser of whole numbers within bounds. Its error names them by the noun."""

    def parse(text: str) -> int:
        if not text.isdecimal() or not minimum <= int(text) <= maximum:
            raise ValueError(f"must be {noun} from {minimum} to {maximum}.")
        return int(text)

    return BeforeValidator(parse)


def ip_address(text: str) -> str:
    """Return an IP address."""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise ValueError("must be an IP address of this machine, as in 127.0.0.1.") from None


def timezone(text: str) -> str:
    """Return the name of a time zone."""
    if not timezones.is_known(text):
        raise ValueError(timezones.unknown_zone_message(text))
    return text


def log_level(text: str) -> str:
    """Return a level of logging."""
    if text.upper() not in LOG_LEVELS:
        raise ValueError(f"must be one of {', '.join(LOG_LEVELS)}.")
    return text.upper()


def secret_key(text: str) -> str:
    """Return a secret that is long enough."""
    if len(text) < 50:
        raise ValueError("must be at least 50 random characters.")
    return text


def switch(text: str) -> bool:
    """Return whether something is on."""
    words = {"1": True, "true": True, "on": True, "0": False, "false": False, "off": False}
    if text.lower() not in words:
        raise ValueError("must be true or false.")
    return words[text.lower()]


def tracing(text: str) -> bool:
    """Return whether tracing is on. It needs OpenTelemetry."""
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
    """Return an absolute path."""
    if not Path(text).is_absolute():
        raise ValueError("must be an absolute path, as in /app/static.")
    return text


def names(text: str) -> list[str]:
    """Return names that are separated by commas."""
    return [name.strip() for name in text.split(",") if name.strip()]


FifoUrl = Annotated[str, AfterValidator(fifo_url)]
Database = Annotated[dict[str, Any], BeforeValidator(database)]
LakeUrl = Annotated[str, AfterValidator(lake_url)]
RedisUrl = Annotated[str, AfterValidator(redis_url)]
SentryDsn = Annotated[str, AfterValidator(sentry_dsn)]
SentryEnvironment = Annotated[str, AfterValidator(sentry_environment)]
SentryRelease = Annotated[str, AfterValidator(sentry_release)]
UuidText = Annotated[str, AfterValidator(uuid_text)]
Seconds = Annotated[timedelta, BeforeValidator(seconds)]
VisibilityTimeout = Annotated[
    int, whole_number(minimum=10, maximum=43_200, noun="a whole number of seconds")
]
# One write to DynamoDB takes up to 25 events.
Batch = Annotated[int, whole_number(minimum=1, maximum=25, noun="a whole number")]
Port = Annotated[int, whole_number(minimum=1, maximum=65_535, noun="a port")]
IpAddress = Annotated[str, AfterValidator(ip_address)]
TimeZone = Annotated[str, AfterValidator(timezone)]
LogLevel = Annotated[str, AfterValidator(log_level)]
SecretKey = Annotated[str, AfterValidator(secret_key)]
Switch = Annotated[bool, BeforeValidator(switch)]
Tracing = Annotated[bool, BeforeValidator(tracing)]
Folder = Annotated[str, AfterValidator(folder)]
Names = Annotated[list[str], BeforeValidator(names)]
