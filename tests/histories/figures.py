"""The figures of a history: counted by the oracle, one event at a time, and by the service."""

from collections import Counter
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from apps.analytics.figures import Period, Scope, figures
from tests.histories.making import START
from tests.histories.oracle import Answer, Oracle

_DAY = timedelta(days=1)
_KEYS = {"weni_csat": "csat", "weni_nps": "nps"}


def expected_figures(oracle: Oracle) -> dict[str, Any]:
    """Return the figures that follow from the rules. Days are in UTC."""
    closings = [*oracle.earlier_closings, *oracle.closings()]
    wrote = [one for one in closings if one.contact_wrote]
    answers = [
        *oracle.homeless,
        *(answer for one in oracle.conversations for answer in one.answers),
    ]
    return {
        "opened": Counter(one.opened_by.queue_time.date() for one in oracle.conversations),
        "closed": Counter((one.ended_at.date(), one.resolution) for one in closings),
        "outreach": len(closings) - len(wrote),
        "answered": sum(one.is_answered for one in wrote),
        **{name: _scores(oracle, answers, key) for key, name in _KEYS.items()},
    }


def found_figures(channel: UUID, *, until: date) -> dict[str, Any]:
    """Return the figures of the service for the channel of a history, which ends on this day."""
    period = Period(first=START.date() - _DAY, last=until + _DAY)
    found = figures(scope=Scope(channel=channel), period=period)
    surveys: dict[str, Mapping[date, Any]] = {
        "csat": found.surveys.csat_by_day,
        "nps": found.surveys.nps_by_day,
    }
    return {
        "opened": _present(found.openings.by_day),
        "closed": _present(
            {
                (day, int(resolution)): number
                for day, numbers in found.closings.by_day.items()
                for resolution, number in numbers.items()
            }
        ),
        "outreach": found.closings.outreach,
        "answered": found.closings.answered,
        **{
            name: _present(
                {
                    (day, score): number
                    for day, one in by_day.items()
                    for score, number in one.distribution.items()
                }
            )
            for name, by_day in surveys.items()
        },
    }


def _scores(oracle: Oracle, answers: list[Answer], key: str) -> Counter[tuple[date, int]]:
    given_at = {oracle.ranks[one.number]: one.queue_time for one in oracle.events.values()}
    return Counter(
        (given_at[int(one.rank)].date(), one.score)
        for one in answers
        if one.event.key == key and one.counts and one.score is not None
    )


def _present(numbers: Mapping[Any, int]) -> Counter[Any]:
    return Counter({thing: number for thing, number in numbers.items() if number})
