"""Figures as text in the active language, for the console and the terminal.

No other module rounds figures for people. Only the numbers at the axes of charts are shortened
elsewhere, by `console.geometry.short`.
"""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal

from django.utils.formats import number_format
from django.utils.translation import gettext, ngettext

from apps.analytics.figures.results import ClosingFigures, NpsFigures
from apps.analytics.figures.totals import Totals
from apps.common import durations

# The minus sign is as wide as a plus; the hyphen is not.
_MINUS = "\N{MINUS SIGN}"


def no_data() -> str:
    """Return the text of a figure without data."""
    return gettext("no data")


def whole(number: int) -> str:
    """Return a whole number, as in 1,204."""
    return number_format(number, force_grouping=True)


def percent(value: float | None) -> str:
    """Return a percentage, as in 81.3%."""
    return no_data() if value is None else f"{_rounded(value, 1)}%"


def mean(value: float | None) -> str:
    """Return a mean, as in 4.21."""
    return no_data() if value is None else _rounded(value, 2)


def number(value: float | None) -> str:
    """Return a number, as in 4.5 or 4."""
    if value is None:
        return no_data()
    return _rounded(value, 0 if float(round(value, 1)).is_integer() else 1)


def signed(value: float | None) -> str:
    """Return a number with its sign and one decimal, as in +12.5."""
    return no_data() if value is None else _with_sign(value, _rounded(abs(value), 1), places=1)


def signed_whole(value: int) -> str:
    """Return a whole number with its sign, as in +12."""
    return _with_sign(value, whole(abs(value)), places=0)


def signed_duration(value: timedelta) -> str:
    """Return a duration with its sign, as in +2h5m."""
    return _with_sign(round(value.total_seconds()), duration(abs(value)), places=0)


def duration(value: timedelta | None) -> str:
    """Return a duration in its two largest units, as in 2h5m."""
    return no_data() if value is None else durations.as_text(value, max_units=2)


def answer_count(number: int) -> str:
    """Return a number of answers, as in 1 answer or 1,204 answers."""
    text = ngettext("%(number)s answer", "%(number)s answers", number)
    return text % {"number": whole(number)}


def conversation_count(number: int) -> str:
    """Return a number of conversations, as in 1 conversation or 1,204 conversations."""
    text = ngettext("%(number)s conversation", "%(number)s conversations", number)
    return text % {"number": whole(number)}


def answers(distribution: Mapping[int, int]) -> str:
    """Return the number of answers, in total and with each score."""
    total = sum(distribution.values())
    if not total:
        return gettext("none")
    scores = ", ".join(f"{score}: {whole(number)}" for score, number in distribution.items())
    return f"{whole(total)} ({scores})"


def groups(nps: NpsFigures) -> str:
    """Return the numbers of promoters, passives and detractors."""
    promoters = ngettext("%(number)s promoter", "%(number)s promoters", nps.promoters)
    passives = ngettext("%(number)s passive", "%(number)s passives", nps.passives)
    detractors = ngettext("%(number)s detractor", "%(number)s detractors", nps.detractors)
    return ", ".join(
        (
            promoters % {"number": whole(nps.promoters)},
            passives % {"number": whole(nps.passives)},
            detractors % {"number": whole(nps.detractors)},
        )
    )


def survey_responses(closings: ClosingFigures | Totals) -> str:
    """Return the two numbers whose ratio is the survey response rate."""
    text = ngettext(
        "%(answered)s of %(number)s closed conversation in which the contact wrote",
        "%(answered)s of %(number)s closed conversations in which the contact wrote",
        closings.contact_wrote,
    )
    return text % {"answered": whole(closings.answered), "number": whole(closings.contact_wrote)}


def _rounded(value: float, places: int) -> str:
    """Return a number with these decimals, never a negative zero."""
    return number_format(Decimal(f"{value:z.{places}f}"), places, force_grouping=True)


def _with_sign(value: float, text: str, *, places: int) -> str:
    rounded = round(value, places)
    if not rounded:
        return text
    return f"{_MINUS if rounded < 0 else '+'}{text}"
