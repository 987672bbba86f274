"""Durations as operators write and read them: 90s, 30m, 2h, 30d, 1h30m or HH:MM:SS.

Command lines, CSV files, environment variables and the admin site use these functions, so that a
duration that one of them shows can be entered in any other. A number without a unit is refused.
"""

import re
from dataclasses import dataclass
from datetime import timedelta

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
    """The bounds of a duration, which `noun` names ("an idle timeout")."""

    noun: str
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
        or_none = ", or none" if self.is_optional else ""
        if duration is None:
            raise ValueError(f'"{text[:40]}" is not {self.noun}: write {EXAMPLES}{or_none}.')
        if not self.minimum <= duration <= self.maximum:
            raise ValueError(
                f'"{text[:40]}" is not a possible {self.noun.partition(" ")[2]}: it must be from '
                f"{as_text(self.minimum)} to {as_text(self.maximum)}{or_none}."
            )
        return duration


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
