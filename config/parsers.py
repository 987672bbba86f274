"""The types of settings, with the parsers that read them from environment variables.

A parser raises ValueError with a sentence that says what to set instead. The sentence quotes the
text only if the setting is never secret.
"""

import ipaddress
import re
import uuid
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator

from apps.common import durations, timezones
from apps.messages import adapters
from config import url_parsers

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
MIN_SECRET_KEY_LENGTH = 50
# A random key of 50 hexadecimal digits has fewer different ones once in a million times.
MIN_SECRET_KEY_CHARACTERS = 10
TRACING_PACKAGES = ("opentelemetry.sdk.trace", "opentelemetry.exporter.otlp.proto.http")


def parse_sentry_environment(text: str) -> str:
    """Return the name of a Sentry environment."""
    # Sentry, "Environments": up to 64 characters, no spaces, newlines or slashes, and not "None".
    if not re.fullmatch(r"[^\s/]{1,64}", text) or text == "None":
        raise ValueError("must be up to 64 characters, without spaces or slashes.")
    return text


def parse_sentry_release(text: str) -> str:
    """Return the name of a Sentry release."""
    # Sentry, "Releases & Health": up to 200 characters, no newlines, tabs or slashes.
    if not re.fullmatch(r"[^\n\t/\\]{1,200}", text) or text in (".", "..", " "):
        raise ValueError("must be up to 200 characters, without slashes or newlines.")
    return text


def parse_uuid(text: str) -> str:
    """Return a UUID in its usual form."""
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise ValueError("must be a UUID.") from None


def parse_duration(text: str) -> timedelta:
    """Return a duration, which may also be written as a whole number of seconds."""
    is_seconds = text.isdecimal() and len(text) <= 6
    duration = timedelta(seconds=int(text)) if is_seconds else durations.read(text)
    if duration is None:
        raise ValueError("must be a duration, as in 90s, 10m or 2h.")
    return duration


def retention_parser(*, minimum: timedelta = durations.MIN_RETENTION) -> BeforeValidator:
    """Return a parser of retentions that are at least `minimum`, or None for "none"."""
    maximum = durations.MAX_RETENTION

    def parse(text: str) -> timedelta | None:
        if text.casefold() == "none":
            return None
        duration = durations.read(text)
        if duration is None or not minimum <= duration <= maximum:
            shortest, longest = durations.as_text(minimum), durations.as_text(maximum)
            raise ValueError(f"must be a duration from {shortest} to {longest}, as in 365d.")
        return duration

    return BeforeValidator(parse)


def whole_number_parser(*, minimum: int, maximum: int, noun: str) -> BeforeValidator:
    """Return a parser of whole numbers from `minimum` to `maximum`.

    `noun` describes such a number in the sentence of its error.
    """

    def parse(text: str) -> int:
        if not text.isdecimal() or not minimum <= int(text) <= maximum:
            raise ValueError(f"must be {noun} from {minimum} to {maximum}.")
        return int(text)

    return BeforeValidator(parse)


def parse_ip_address(text: str) -> str:
    """Return an IP address."""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise ValueError("must be an IP address of this machine, as in 127.0.0.1.") from None


def parse_timezone(text: str) -> str:
    """Return the name of a time zone."""
    if not timezones.is_known(text):
        raise ValueError(timezones.unknown_zone_message(text))
    return text


def parse_log_level(text: str) -> str:
    """Return the name of a log level."""
    if text.upper() not in LOG_LEVELS:
        raise ValueError(f"must be one of {', '.join(LOG_LEVELS)}.")
    return text.upper()


def choice_parser(*words: str) -> AfterValidator:
    """Return a parser of one of these words."""

    def parse(text: str) -> str:
        if text.lower() not in words:
            raise ValueError(f"must be {', '.join(words[:-1])} or {words[-1]}.")
        return text.lower()

    return AfterValidator(parse)


def parse_secret_key(text: str) -> str:
    """Return a secret key that looks random. Django's `check --deploy` asks for the same."""
    is_varied = len(set(text)) >= MIN_SECRET_KEY_CHARACTERS
    if len(text) < MIN_SECRET_KEY_LENGTH or not is_varied or text.startswith("django-insecure-"):
        raise ValueError(
            f"must be at least {MIN_SECRET_KEY_LENGTH} random characters, "
            f"{MIN_SECRET_KEY_CHARACTERS} of them different: the output of "
            'python -c "import secrets; print(secrets.token_urlsafe(50))"'
        )
    return text


def parse_switch(text: str) -> bool:
    """Return the boolean that a switch is set to."""
    words = {"1": True, "true": True, "on": True, "0": False, "false": False, "off": False}
    if text.lower() not in words:
        raise ValueError("must be true or false.")
    return words[text.lower()]


def parse_tracing(text: str) -> bool:
    """Return whether tracing is on. Raise ValueError if OpenTelemetry is needed and missing."""
    is_on = parse_switch(text)
    if is_on and not all(map(_is_installed, TRACING_PACKAGES)):
        raise ValueError(
            "needs OpenTelemetry, which is not installed by default: "
            "pip install --require-hashes --requirement requirements/tracing.txt; "
            "an image has it if it is built with --build-arg EXTRAS=tracing"
        )
    return is_on


def _is_installed(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ModuleNotFoundError:
        return False


def parse_absolute_path(text: str) -> str:
    """Return an absolute path."""
    if not Path(text).is_absolute():
        raise ValueError("must be an absolute path, as in /app/static.")
    return text


def parse_secret_arn(text: str) -> str:
    """Return the ARN of a secret in AWS Secrets Manager."""
    if not re.fullmatch(r"arn:[a-z-]+:secretsmanager:[a-z0-9-]+:\d{12}:secret:\S+", text):
        raise ValueError(
            "must be the ARN of a secret, as in "
            "arn:aws:secretsmanager:us-east-1:123456789012:secret:conversations-AbCdEf."
        )
    return text


def parse_region(text: str) -> str:
    """Return the name of an AWS region."""
    if not re.fullmatch(r"[a-z]{2}(-[a-z]+)+-\d+", text):
        raise ValueError("must be the name of an AWS region, as in us-east-1.")
    return text


def parse_list(text: str) -> list[str]:
    """Return the names in a list that is separated by commas."""
    return [name.strip() for name in text.split(",") if name.strip()]


def parse_adapters(text: str) -> list[str]:
    """Return the names of adapters, each of them once."""
    names, known = list(dict.fromkeys(parse_list(text))), adapters.names()
    for name in names:
        if name not in known:
            raise ValueError(
                f'must be names of adapters, separated by commas. "{name}" is not one of them: '
                f"{', '.join(known)}."
            )
    return names


FifoUrl = Annotated[str, AfterValidator(url_parsers.parse_fifo_url)]
DatabaseUrl = Annotated[dict[str, Any], BeforeValidator(url_parsers.parse_database_url)]
LakeUrl = Annotated[str, AfterValidator(url_parsers.parse_lake_url)]
RedisUrl = Annotated[str, AfterValidator(url_parsers.parse_redis_url)]
SentryDsn = Annotated[str, AfterValidator(url_parsers.parse_sentry_dsn)]
SentryEnvironment = Annotated[str, AfterValidator(parse_sentry_environment)]
SentryRelease = Annotated[str, AfterValidator(parse_sentry_release)]
UuidText = Annotated[str, AfterValidator(parse_uuid)]
Duration = Annotated[timedelta, BeforeValidator(parse_duration)]
Retention = Annotated[timedelta | None, retention_parser()]
# Longer than SQS keeps an event (14 days), so that no event in flight belongs to a deleted row.
LongRetention = Annotated[timedelta | None, retention_parser(minimum=timedelta(days=15))]
VisibilityTimeout = Annotated[
    int, whole_number_parser(minimum=10, maximum=43_200, noun="a whole number of seconds")
]
GatherMilliseconds = Annotated[
    int, whole_number_parser(minimum=0, maximum=1_000, noun="a whole number of milliseconds")
]
# SQS, "ReceiveMessage": WaitTimeSeconds.
PollSeconds = Annotated[
    int, whole_number_parser(minimum=1, maximum=20, noun="a whole number of seconds")
]
# One BatchWriteItem call to DynamoDB takes up to 25 items.
BatchSize = Annotated[int, whole_number_parser(minimum=1, maximum=25, noun="a whole number")]
Port = Annotated[int, whole_number_parser(minimum=1, maximum=65_535, noun="a port")]
IpAddress = Annotated[str, AfterValidator(parse_ip_address)]
TimeZone = Annotated[str, AfterValidator(parse_timezone)]
LogLevel = Annotated[str, AfterValidator(parse_log_level)]
# What becomes of delivery statuses.
StatusPolicy = Annotated[str, choice_parser("drop", "keep")]
HstsScope = Annotated[str, choice_parser("host", "subdomains", "preload")]
SecretKey = Annotated[str, AfterValidator(parse_secret_key)]
Switch = Annotated[bool, BeforeValidator(parse_switch)]
TracingSwitch = Annotated[bool, BeforeValidator(parse_tracing)]
AbsolutePath = Annotated[str, AfterValidator(parse_absolute_path)]
SecretArn = Annotated[str, AfterValidator(parse_secret_arn)]
Region = Annotated[str, AfterValidator(parse_region)]
NameList = Annotated[list[str], BeforeValidator(parse_list)]
AdapterList = Annotated[list[str], BeforeValidator(parse_adapters)]
