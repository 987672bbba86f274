"""Durations as operators write and read them: 90s, 30m, 2h, 30d, 1h30m or HH:MM:SS.

Command lines, CSV files, environment variables and the admin site use these functions, so that a
duration that one of them shows can be entered in any other. A number without a unit is refused.
"""

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

EXAMPLES = "90s, 30m, 2h, 30d, 1h30m or HH:MM:SS"

MIN_RETENTION = timedelta(days=1)
MAX_RETENTION = timedelta(days=36_500)

_WITH_UNITS = re.compile(
    r"(?:([0-9]{1,6})d)?(?:([0-9]{1,6})h)?(?:([0-9]{1,6})m)?(?:([0-9]{1,6})s)?"
)
_CLOCK = re.compile(r"()([0-9]{1,6}):([0-5][0-9]):([0-5][0-9])")


def read(text: str) -> timedelta | None:
    """Return the duration in `text`, or None if `text` is not a duration."""
    written = text.strip().casefold()
    parts = _WITH_UNITS.fullmatch(written) or _CLOCK.fullmatch(written)
    if not written or not parts:
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in parts.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """The bounds of a duration, which `noun` names with its article ("an idle timeout")."""

    noun: "StrOrPromise"
    minimum: timedelta
    maximum: timedelta
    is_optional: bool = True

    def parse(self, text: str) -> timedelta | None:
        """Return the duration in `text`, or None if it is empty or "none".

        Raise ValueError with a sentence for operators.
        """
        if text.strip().casefold() in ("", "none"):
            return None
        duration = read(text)
        if duration is None:
            raise self._error(
                _('"%(text)s" is not %(a_noun)s: write %(examples)s%(or_none)s.'), text
            )
        if not self.minimum <= duration <= self.maximum:
            sentence = _(
                '"%(text)s" is not a possible %(noun)s: it must be from %(min)s to %(max)s'
                "%(or_none)s."
            )
            raise self._error(sentence, text)
        return duration

    def _error(self, sentence: str, text: str) -> ValueError:
        details = {
            "text": text[:40],
            "a_noun": self.noun,
            "noun": self.noun.partition(" ")[2],
            "examples": EXAMPLES,
            "min": as_text(self.minimum),
            "max": as_text(self.maximum),
            "or_none": _(", or none") if self.is_optional else "",
        }
        return ValueError(sentence % details)


def as_text(duration: timedelta, *, max_units: int = 4) -> str:
    """Return a duration as text for `read`, to the second, the largest unit first.

    `max_units` limits the number of units: smaller ones are left out, without rounding. A negative
    duration is "0s".
    """
    minutes, seconds = divmod(max(0, round(duration.total_seconds())), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [(days, "d"), (hours, "h"), (minutes, "m"), (seconds, "s")]
    while parts and not parts[0][0]:
        parts = parts[1:]
    return "".join(f"{number}{unit}" for number, unit in parts[:max_units] if number) or "0s"
