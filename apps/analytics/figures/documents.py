"""The figures as a JSON document and as rows of a table. Their names are a stable interface."""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any

from apps.analytics.figures.results import (
    CsatFigures,
    Figures,
    NpsFigures,
    Quantiles,
    TimeFigures,
)
from apps.conversations.models import Resolution

Document = dict[str, Any]
# A count, a number that is not rounded, or None without data.
Value = int | float | None

COLUMNS = ("day", "figure", "value")


def as_document(figures: Figures) -> Document:
    """Return all figures, unrounded. Percentages are from 0 to 100; missing figures are null.

    The figures must have been read with `times_by_day`.
    """
    project, channel = figures.scope.project, figures.scope.channel
    return {
        "project": str(project) if project else None,
        "channel": str(channel) if channel else None,
        "from": figures.period.first.isoformat(),
        "to": figures.period.last.isoformat(),
        "figures": {
            "csat": _csat(figures.surveys.csat),
            "nps": _nps(figures.surveys.nps),
            "conversations": _conversations(figures),
            "opened_by_hour": {f"{hour:02d}": n for hour, n in figures.openings.by_hour.items()},
        },
        "days": [{"day": day.isoformat(), **_day(figures, day)} for day in figures.period.days],
    }


def as_rows(document: Document) -> Iterator[tuple[str, str, str]]:
    """Yield a row of `COLUMNS` for each figure: of the whole period first, then of each day.

    Rows of the whole period have an empty day. The name of a figure is its path in the document,
    joined by dots. Null becomes "".
    """
    for name, value in _flat(document["figures"]).items():
        yield "", name, as_text(value)
    for day in document["days"]:
        figures = {name: value for name, value in day.items() if name != "day"}
        for name, value in _flat(figures).items():
            yield day["day"], name, as_text(value)


def by_day(figures: Figures) -> Iterator[tuple[date, dict[str, Value]]]:
    """Yield each day of the period with its figures, by the names that `as_rows` uses.

    The figures must have been read with `times_by_day`.
    """
    for day in figures.period.days:
        yield day, _flat(_day(figures, day))


def as_text(value: Value) -> str:
    """Return a value as it is written in CSV: with a decimal point, and "" for None."""
    return "" if value is None else str(value)


def _csat(csat: CsatFigures) -> Document:
    return {
        "answers": csat.answers,
        "satisfied_percent": csat.satisfied_percent,
        "mean": csat.mean,
        "distribution": _by_text(csat.distribution),
    }


def _nps(nps: NpsFigures) -> Document:
    return {
        "answers": nps.answers,
        "score": nps.score,
        "mean": nps.mean,
        "promoters": nps.promoters,
        "passives": nps.passives,
        "detractors": nps.detractors,
        "distribution": _by_text(nps.distribution),
    }


def _conversations(figures: Figures) -> Document:
    return {
        "opened": figures.openings.opened,
        "closed": figures.closings.closed,
        "by_resolution": _by_name(figures.closings.by_resolution),
        "outreach": figures.closings.outreach,
        "contact_wrote": figures.closings.contact_wrote,
        "with_survey_answer": figures.closings.answered,
        "survey_response_percent": figures.closings.survey_response_percent,
        "archived": figures.closings.archived,
        "messages": figures.closings.messages,
        "median_messages": figures.lengths.median_messages,
        "median_duration_seconds": _seconds(figures.lengths.median_duration),
        **_times(figures.times),
    }


def _day(figures: Figures, day: date) -> Document:
    closed = figures.closings.by_day[day]
    return {
        "csat": _csat(figures.surveys.csat_by_day[day]),
        "nps": _nps(figures.surveys.nps_by_day[day]),
        "conversations": {
            "opened": figures.openings.by_day[day],
            "closed": sum(closed.values()),
            "by_resolution": _by_name(closed),
            "outreach": figures.closings.outreach_by_day[day],
            **_times(figures.times_by_day[day]),
        },
    }


def _times(times: TimeFigures) -> Document:
    return {
        "first_response": _quantiles(times.first_response),
        "time_to_resolution": _quantiles(times.to_resolution),
    }


def _quantiles(quantiles: Quantiles) -> Document:
    return {
        "count": quantiles.number,
        "median_seconds": _seconds(quantiles.median),
        "p90_seconds": _seconds(quantiles.p90),
    }


def _seconds(time: timedelta | None) -> float | None:
    return None if time is None else time.total_seconds()


def _by_name(numbers: Mapping[Resolution, int]) -> dict[str, int]:
    return {resolution.name.lower(): number for resolution, number in numbers.items()}


def _by_text(distribution: Mapping[int, int]) -> dict[str, int]:
    return {str(score): number for score, number in distribution.items()}


def _flat(document: Document, prefix: str = "") -> dict[str, Value]:
    flat: dict[str, Value] = {}
    for name, value in document.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat
