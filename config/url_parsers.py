"""Parsers of settings that are URLs.

As in `config.parsers`, a parser raises ValueError with a sentence that says what to set instead.
These sentences quote no part of the URL, which may contain a password.
"""

import ast
from typing import Any
from urllib.parse import SplitResult, parse_qs, unquote, unquote_plus, urlsplit

from sentry_sdk.utils import BadDsn, Dsn

from apps.analytics.datalake import OFF, data_lake

# The database settings of Django that the query of a database URL can set.
DATABASE_SETTINGS = (
    "ATOMIC_REQUESTS",
    "AUTOCOMMIT",
    "CONN_HEALTH_CHECKS",
    "CONN_MAX_AGE",
    "DISABLE_SERVER_SIDE_CURSORS",
)


def _split(text: str) -> SplitResult | None:
    """Return the parts of a URL, or None if it is malformed."""
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018 (reading the port checks it)
    except ValueError:
        return None
    return parts


def parse_fifo_url(text: str) -> str:
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


def parse_database_url(text: str) -> dict[str, Any]:
    """Return Django's database settings for a PostgreSQL URL.

    A path such as /var/run/postgresql/NAME contains the folder of a Unix socket. A query parameter
    sets one of Django's settings (DATABASE_SETTINGS, as a Python literal) or an option of the
    driver.
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
        "ENGINE": "apps.common.postgresql",
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
            settings[key.upper()] = _parse_literal(value)
        else:
            settings["OPTIONS"][key] = int(value) if value.isdecimal() else value
    return settings


def _parse_literal(text: str) -> Any:
    """Return the value of a Python literal, or the text itself if it is not a literal."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def parse_lake_url(text: str) -> str:
    """Return the URL of a data lake, or "none"."""
    if text != OFF:
        data_lake(text)
    return text


def parse_redis_url(text: str) -> str:
    """Return the URL of a server that speaks the Redis protocol."""
    parts = _split(text)
    if not parts or parts.scheme not in ("redis", "rediss") or not parts.hostname:
        raise ValueError("must be a redis:// or rediss:// URL.")
    if parts.query or parts.fragment or not (parts.path.strip("/") or "0").isdecimal():
        raise ValueError(
            "must be a URL such as rediss://:password@host:6379/0, with nothing after the database "
            "number, and with a password whose special characters are percent-encoded."
        )
    return text


def parse_sentry_dsn(text: str) -> str:
    """Return a Sentry DSN."""
    try:
        return str(Dsn(text))
    except BadDsn:
        raise ValueError("must be the DSN that Sentry shows for the project.") from None
