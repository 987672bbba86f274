"""Times the figures, and reads from EXPLAIN which indexes PostgreSQL scans."""

import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from datetime import time as time_of_day
from typing import Any

from django.db import connection

from apps.analytics.figures import Period, Scope, figures
from apps.analytics.figures.parts import WITHOUT_JIT
from bench.common.filling import unlimited_cursor
from bench.common.year import PROJECTS, ZONES
from bench.figures.data import FIRST_DAY, LAST_DAY, Dataset
from bench.figures.result import FigureTimes, Index, Rollups, Timing
from tasks.rollups import pages

ROUNDS = 5
INDEXES = ("opened_by_time", "closed_by_time", "scores_by_time")
_LARGE_TABLES = ("conversations_conversation", "analytics_surveyanswer")
# The day and the month end before the last day, whose conversations are still in progress.
_DAY = Period.of_days(1, last=LAST_DAY.replace(day=LAST_DAY.day - 2))
_MONTH = Period.of_days(30, last=_DAY.last)
_YEAR = Period(first=FIRST_DAY, last=LAST_DAY)
_SCAN = re.compile(
    r"(?P<how>(?:Index Only|Bitmap Index|Index|Seq) Scan)(?: Backward)?"
    r"(?: using (?P<index>\w+))? on (?P<what>\w+)"
)


def time_figures(dataset: Dataset) -> FigureTimes:
    """Time the figures of each scope from the rows, then roll up the year and time them again."""
    # A year of all projects may take longer than a statement of the service may.
    with unlimited_cursor():
        from_rows = [_timing(*scope, has_rollups=False) for scope in _scopes(dataset)]
    rollups = _roll_up()
    return FigureTimes(
        conversations=dataset.conversations,
        answers=dataset.answers,
        projects=PROJECTS,
        zones=len(ZONES),
        days=len(_YEAR.days),
        rounds=ROUNDS,
        rollups=rollups,
        measurements=[
            *(_timing(*scope, has_rollups=True) for scope in _scopes(dataset)),
            *from_rows,
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


def _timing(name: str, scope: Scope, period: Period, *, has_rollups: bool) -> Timing:
    def read() -> Any:
        return figures(scope=scope, period=period)

    # EXPLAIN runs first, because it also fills the caches.
    scans = _scans(read)
    milliseconds = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        found = read()
        milliseconds.append((time.perf_counter() - begun) * 1000)
    answers = found.surveys.csat.answers + found.surveys.nps.answers
    return Timing(
        scope=name,
        has_rollups=has_rollups,
        counted=answers + found.openings.opened + found.closings.closed,
        milliseconds=milliseconds,
        scans=scans,
    )


def _roll_up() -> Rollups:
    """Roll up the days that are over, then run VACUUM ANALYZE, as autovacuum would do later."""
    begun = time.perf_counter()
    # As it is on the last day: the last days are not rolled up yet.
    for _page in pages(now=datetime.combine(LAST_DAY, time_of_day(23), tzinfo=UTC)):
        pass
    seconds = time.perf_counter() - begun
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE analytics_dailyrollup")
        cursor.execute(
            "SELECT count(*), pg_total_relation_size('analytics_dailyrollup') / 1e6"
            " FROM analytics_dailyrollup"
        )
        rows, megabytes = cursor.fetchone()
    return Rollups(rows=rows, seconds=seconds, megabytes=float(megabytes))


def _scans(select: Callable[[], Any]) -> list[str]:
    """Return the distinct scans of large tables in the statements of a function."""
    statements: list[tuple[str, Any]] = []

    def record(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        statements.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(record):
        select()
    found: dict[str, None] = {}
    with connection.cursor() as cursor:
        for sql, params in statements:
            if sql == WITHOUT_JIT:
                continue
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
