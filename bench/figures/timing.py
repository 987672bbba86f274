"""Times the selectors of the figures, and reads from EXPLAIN which indexes PostgreSQL scans."""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from django.db import connection

from apps.analytics.figures import (
    Period,
    Scope,
    closings,
    figures,
    lengths,
    openings,
    surveys,
)
from bench.common.year import PROJECTS, ZONES
from bench.figures.data import FIRST_DAY, LAST_DAY, Dataset
from bench.figures.result import FigureTimes, Index, Timing

ROUNDS = 5
INDEXES = ("opened_by_time", "closed_by_time", "scores_by_time")
_LARGE_TABLES = ("conversations_conversation", "analytics_surveyanswer")
_SELECTORS: tuple[Callable[..., Any], ...] = (surveys, openings, closings, lengths, figures)
# The day and the month end before the last day, whose conversations are still in progress.
_DAY = Period.of_days(1, last=LAST_DAY.replace(day=LAST_DAY.day - 2))
_MONTH = Period.of_days(30, last=_DAY.last)
_YEAR = Period(first=FIRST_DAY, last=LAST_DAY)
_SCAN = re.compile(
    r"(?P<how>(?:Index Only|Bitmap Index|Index|Seq) Scan)(?: Backward)?"
    r"(?: using (?P<index>\w+))? on (?P<what>\w+)"
)


def time_selectors(dataset: Dataset) -> FigureTimes:
    """Time each selector in each scope."""
    return FigureTimes(
        conversations=dataset.conversations,
        answers=dataset.answers,
        projects=PROJECTS,
        zones=len(ZONES),
        days=len(_YEAR.days),
        rounds=ROUNDS,
        measurements=[
            timing
            for name, scope, period in _scopes(dataset)
            for timing in _timings(name, scope=scope, period=period)
        ],
        indexes=_indexes(),
    )


def scans_of(plan: str) -> Iterator[str]:
    """Yield the scans of large tables in the text of an EXPLAIN."""
    for scan in _SCAN.finditer(plan):
        if scan["what"] in (*_LARGE_TABLES, *INDEXES):
            yield f"{scan['how']} of {scan['index'] or scan['what']}"


def _scopes(dataset: Dataset) -> Iterator[tuple[str, Scope, Period]]:
    largest = Scope(project=dataset.largest_project)
    channel = Scope(project=dataset.largest_project, channel=dataset.channel)
    yield "largest project, 1 day", largest, _DAY
    yield "largest project, 30 days", largest, _MONTH
    yield "a channel of it, 30 days", channel, _MONTH
    yield "all projects, 1 day", Scope(), _DAY
    yield "all projects, 30 days", Scope(), _MONTH
    yield "largest project, 1 year", largest, _YEAR
    yield "all projects, 1 year", Scope(), _YEAR


def _timings(name: str, *, scope: Scope, period: Period) -> Iterator[Timing]:
    counted = _counted(scope=scope, period=period)
    for selector in _SELECTORS:
        # EXPLAIN runs first, because it also fills the caches.
        scans = _scans(lambda one=selector: one(scope=scope, period=period))  # type: ignore[misc]
        milliseconds = []
        for _ in range(ROUNDS):
            begun = time.perf_counter()
            selector(scope=scope, period=period)
            milliseconds.append((time.perf_counter() - begun) * 1000)
        yield Timing(
            scope=name,
            selector=selector.__name__,
            counted=counted[selector.__name__],
            milliseconds=milliseconds,
            scans=scans,
        )


def _counted(*, scope: Scope, period: Period) -> Mapping[str, int]:
    """Return how many answers and conversations each selector counts."""
    found = figures(scope=scope, period=period)
    answers = found.surveys.csat.answers + found.surveys.nps.answers
    opened, closed = found.openings.opened, found.closings.closed
    return {
        "surveys": answers,
        "openings": opened,
        "closings": closed,
        "lengths": closed,
        "figures": answers + opened + closed,
    }


def _scans(select: Callable[[], Any]) -> list[str]:
    """Return the distinct scans of large tables in a selector's statements."""
    statements: list[tuple[str, Any]] = []

    def record(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        statements.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(record):
        select()
    found: dict[str, None] = {}
    with connection.cursor() as cursor:
        for sql, params in statements:
            cursor.execute(f"EXPLAIN (ANALYZE) {sql}", params)
            found |= dict.fromkeys(scans_of("\n".join(line for (line,) in cursor.fetchall())))
    return list(found)


def _indexes() -> list[Index]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, indrelid::regclass::text, pg_relation_size(indexrelid) / 1e6"
            " FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid"
            " WHERE relname = ANY(%s) ORDER BY relname",
            [list(INDEXES)],
        )
        return [
            Index(name=name, table=table, megabytes=float(size))
            for name, table, size in cursor.fetchall()
        ]
