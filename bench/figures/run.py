"""Timing the selectors of the figures, and asking PostgreSQL how it served them."""

import json
import os
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from django.db import connection
from django.db.backends.utils import CursorWrapper

from apps.analytics.figures import (
    Figures,
    Period,
    Scope,
    closings,
    figures,
    lengths,
    openings,
    surveys,
)
from bench.figures.data import FIRST_DAY, LAST_DAY, ZONES, Made
from bench.figures.result import Index, Measurement

ROUNDS = 5
INDEXES = ("opened_by_time", "closed_by_time", "scores_by_time")
_LARGE_TABLES = ("conversations_conversation", "analytics_surveyanswer")
_SELECTORS: tuple[Callable[..., Any], ...] = (surveys, openings, closings, lengths, figures)
# What was opened on the last day is still in progress.
_DAY = Period.of_days(1, last=LAST_DAY.replace(day=LAST_DAY.day - 2))
_MONTH = Period.of_days(30, last=_DAY.last)
_YEAR = Period(first=FIRST_DAY, last=LAST_DAY)

Statement = tuple[str, Any]


def measure(*, made: Made) -> list[Measurement]:
    """Each selector in each scope."""
    return [
        _measure(name, selector, scope=scope, period=period)
        for name, scope, period in _scopes(made)
        for selector in _SELECTORS
    ]


def indexes() -> list[Index]:
    """Those that the figures have."""
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


def circumstances(made: Made) -> dict[str, Any]:
    """Where and with what it ran, for FiguresRun."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        (version,) = cursor.fetchone()
    return {
        "cores": os.cpu_count() or 0,
        "python": platform.python_version(),
        "postgresql": version,
        "conversations": made.conversations,
        "answers": made.answers,
        "projects": made.projects,
        "zones": len(ZONES),
        "days": len(_YEAR.days),
        "rounds": ROUNDS,
    }


def _scopes(made: Made) -> Iterator[tuple[str, Scope, Period]]:
    largest = Scope(project=made.largest_project)
    yield "largest project, 1 day", largest, _DAY
    yield "largest project, 30 days", largest, _MONTH
    channel = Scope(project=made.largest_project, channel=made.channel)
    yield "a channel of it, 30 days", channel, _MONTH
    yield "all projects, 1 day", Scope(), _DAY
    yield "all projects, 30 days", Scope(), _MONTH
    yield "largest project, 1 year", largest, _YEAR
    yield "all projects, 1 year", Scope(), _YEAR


def _measure(
    name: str, selector: Callable[..., Any], *, scope: Scope, period: Period
) -> Measurement:
    statements: list[Statement] = []

    def note(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        statements.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        result = selector(scope=scope, period=period)
    milliseconds = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        selector(scope=scope, period=period)
        milliseconds.append((time.perf_counter() - begun) * 1000)
    return Measurement(
        scope=name,
        selector=selector.__name__,
        counted=_counted(selector.__name__, result, scope, period),
        milliseconds=milliseconds,
        scans=_scans(statements),
    )


def _counted(selector: str, result: Any, scope: Scope, period: Period) -> int:
    match selector:
        case "surveys":
            return int(result.csat.answers + result.nps.answers)
        case "openings":
            return int(result.opened)
        case "figures":
            return _in_all(result)
        case _:
            return closings(scope=scope, period=period).closed


def _in_all(result: Figures) -> int:
    answers = result.surveys.csat.answers + result.surveys.nps.answers
    return answers + result.openings.opened + result.closings.closed


def _scans(statements: Sequence[Statement]) -> list[str]:
    """How the large tables were read, each way once, as EXPLAIN ANALYZE tells."""
    found: dict[str, None] = {}
    with connection.cursor() as cursor:
        for sql, params in statements:
            cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", params)
            found |= dict.fromkeys(scans_of(_plan(cursor)))
    return list(found)


def _plan(cursor: CursorWrapper) -> dict[str, Any]:
    (document,) = cursor.fetchone()
    plans = json.loads(document) if isinstance(document, str) else document
    plan: dict[str, Any] = plans[0]["Plan"]
    return plan


def scans_of(node: dict[str, Any]) -> Iterator[str]:
    if "Index Name" in node:
        if node["Index Name"] in INDEXES or node.get("Relation Name") in _LARGE_TABLES:
            yield f"{node['Node Type']} of {node['Index Name']}"
    elif node["Node Type"] == "Seq Scan" and node["Relation Name"] in _LARGE_TABLES:
        yield f"Seq Scan of {node['Relation Name']}"
    for child in node.get("Plans", ()):
        yield from scans_of(child)
