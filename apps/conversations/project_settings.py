"""The settings of a project as text, on a command line or in a file."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import time, timedelta
from typing import TypeAlias
from uuid import UUID

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from apps.common import durations, timezones
from apps.common.durations import MAX_RETENTION, MIN_RETENTION, Bounds

# Keys are names of fields of Project. A field that is left out keeps its stored value.
ProjectSettings: TypeAlias = dict[str, str | time | timedelta | None]

IDLE_TIMEOUT = Bounds(
    noun=_("an idle timeout"),
    minimum=timedelta(minutes=1),
    # The time for which DynamoDB keeps messages.
    maximum=timedelta(hours=48),
)
ARCHIVE_RETENTION = Bounds(
    noun=_("an archive retention"), minimum=MIN_RETENTION, maximum=MAX_RETENTION
)

_MAX_NAME_LENGTH = 255
_SAMPLE_UUID = "5f0c2f3a-6b1d-4a57-9c39-2e8d1f7a4b60"
_CLOCK_TIME = re.compile(r"([0-9]{2}):([0-9]{2})(?::([0-9]{2}))?")


def parse_uuid(text: str) -> UUID:
    """Return the UUID in `text`. Raise ValueError with a sentence for operators."""
    try:
        return UUID(text.strip())
    except ValueError:
        sentence = gettext("%(text)s is not a UUID: write one such as %(sample)s.")
        details = {"text": _quoted(text), "sample": _SAMPLE_UUID}
        raise ValueError(sentence % details) from None


def parse(texts: Mapping[str, str]) -> tuple[ProjectSettings, list[str]]:
    """Return the valid settings of these texts by field, and a sentence for each invalid one."""
    settings: ProjectSettings = {}
    problems = []
    for field, text in texts.items():
        try:
            settings[field] = _PARSERS[field](text)
        except ValueError as problem:
            problems.append(str(problem))
    return settings, problems


def as_texts(settings: ProjectSettings) -> dict[str, str]:
    """Return the settings as texts for `parse`, to the second. None becomes an empty text."""
    return {field: _as_text(value) for field, value in settings.items()}


def _name(text: str) -> str:
    if len(text) > _MAX_NAME_LENGTH:
        raise ValueError(f"The name must have at most {_MAX_NAME_LENGTH} characters.")
    # PostgreSQL refuses NUL and surrogates, and control characters would break a line of output.
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in text):
        raise ValueError("The name must be text on one line, without control characters.")
    return text


def _timezone(text: str) -> str:
    name = text.strip()
    if not timezones.is_known(name):
        raise ValueError(timezones.unknown_zone_message(name))
    return name


def _closing_time(text: str) -> time:
    parts = _CLOCK_TIME.fullmatch(text.strip())
    try:
        if parts:
            return time(int(parts[1]), int(parts[2]), int(parts[3] or 0))
    except ValueError:
        pass
    raise ValueError(
        f"{_quoted(text)} is not a closing time: write HH:MM or HH:MM:SS, from 00:00 to 23:59:59."
    )


_PARSERS: Mapping[str, Callable[[str], str | time | timedelta | None]] = {
    "name": _name,
    "timezone": _timezone,
    "closing_time": _closing_time,
    "idle_timeout": IDLE_TIMEOUT.parse,
    "archive_retention": ARCHIVE_RETENTION.parse,
}

FIELDS = tuple(_PARSERS)


def _as_text(value: str | time | timedelta | None) -> str:
    match value:
        case None:
            return ""
        case time():
            return value.strftime("%H:%M:%S" if value.second else "%H:%M")
        case timedelta():
            return durations.as_text(value)
        case str():
            return value


def _quoted(text: str) -> str:
    """Return the text in quotation marks, cut to 40 characters."""
    return f'"{text[:40]}"'
