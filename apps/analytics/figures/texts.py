"""Figures as text, for the console and the terminal. No other module rounds figures.

Only the numbers at the axes of charts are shortened elsewhere, by `console.geometry.short`.
"""

from collections.abc import Mapping
from datetime import timedelta

from apps.analytics.figures.results import ClosingFigures, NpsFigures
from apps.common import durations

NO_DATA = "no data"
# The minus sign is as wide as a plus; the hyphen is not.
_MINUS = "\N{MINUS SIGN}"


def count(number: int, thing: str) -> str:
    """Return a count, as in 1 answer or 1,204 answers."""
    return f"{number:,} {noun(number, thing)}"


def noun(number: int, thing: str) -> str:
    """Return the noun in the singular or in the plural, as in answer or answers."""
    return thing if number == 1 else f"{thing}s"


def percent(value: float | None) -> str:
    """Return a percentage, as in 81.3%."""
    return NO_DATA if value is None else f"{value:z.1f}%"


def mean(value: float | None) -> str:
    """Return a mean, as in 4.21."""
    return NO_DATA if value is None else f"{value:z.2f}"


def signed(value: float | None) -> str:
    """Return a number with its sign, as in +12.5."""
    if value is None:
        return NO_DATA
    return f"{value:+.1f}".replace("-", _MINUS) if round(value, 1) else "0.0"


def number(value: float | None) -> str:
    """Return a number, as in 4.5."""
    return NO_DATA if value is None else f"{value:z,.1f}".removesuffix(".0")


def duration(value: timedelta | None) -> str:
    """Return a duration in its two largest units, as in 2h5m."""
    return NO_DATA if value is None else durations.as_text(value, max_units=2)


def answers(distribution: Mapping[int, int]) -> str:
    """Return the number of answers, in total and with each score."""
    total = sum(distribution.values())
    if not total:
        return "none"
    scores = ", ".join(f"{score}: {number:,}" for score, number in distribution.items())
    return f"{total:,} ({scores})"


def groups(nps: NpsFigures) -> str:
    """Return the numbers of promoters, passives and detractors."""
    return ", ".join(
        (
            count(nps.promoters, "promoter"),
            count(nps.passives, "passive"),
            count(nps.detractors, "detractor"),
        )
    )


def survey_responses(closings: ClosingFigures) -> str:
    """Return the two numbers whose ratio is the survey response rate."""
    asked = count(closings.contact_wrote, "closed conversation")
    return f"{closings.answered:,} of {asked} in which the contact wrote"
