"""Runs the task of retention until nothing is due, and reads PostgreSQL's counters of each run."""

import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from operator import sub
from typing import NamedTuple, TypeVar
from unittest.mock import patch

from django.db import connection

from apps.common.durations import as_text
from apps.common.expiry import PAGE, Expiry
from apps.conversations.models import Conversation
from apps.messages.archive_retention import (
    CONVERSATIONS_PER_TRANSACTION,
    find_expired,
    projects_with_retention,
)
from apps.messages.models import ConversationMessages
from bench.common.filling import unlimited_cursor
from bench.common.statements import Statements
from bench.common.year import PROJECTS
from bench.retention.data import ANSWERS_WAITING_EVERY, ARCHIVE_RETENTION
from bench.retention.result import Kind, Retention, RetentionRun
from tasks import retention

Value = TypeVar("Value")

# PostgreSQL publishes a session's counters at the end of a transaction, at most once a second,
# unless this is called in it.
_FLUSH = "SELECT pg_stat_force_next_flush()"
_COUNTERS = """
SELECT relname, seq_tup_read + coalesce(idx_tup_fetch, 0), n_tup_upd, n_tup_del,
    heap_blks_read + heap_blks_hit + coalesce(idx_blks_read + idx_blks_hit, 0)
        + coalesce(toast_blks_read + toast_blks_hit + tidx_blks_read + tidx_blks_hit, 0)
FROM pg_stat_user_tables JOIN pg_statio_user_tables USING (relid, schemaname, relname)
"""


class _Counters(NamedTuple):
    """PostgreSQL's counters of a table."""

    rows_read: int
    updated: int
    deleted: int
    blocks: int


def measure_runs(
    *, at: datetime, dynamodb_calls: Callable[[], int], queued: Callable[[], int]
) -> Retention:
    """Run the task until a run finds nothing, then once more after a VACUUM.

    The service's clock stands still at `at`. `dynamodb_calls` returns the calls to DynamoDB, and
    `queued` the runs that the task has queued, both so far.
    """
    stored, due = _stored(), _due(at)
    with patch.object(retention, "now", lambda: at):
        runs = [_measured_run(dynamodb_calls)]
        while runs[-1].changed:
            runs.append(_measured_run(dynamodb_calls))
        with unlimited_cursor() as cursor:
            cursor.execute("VACUUM")
        idle_after_vacuum = _measured_run(dynamodb_calls)
    return Retention(
        conversations=stored["conversations"],
        projects=PROJECTS,
        answers_waiting_every=ANSWERS_WAITING_EVERY,
        archives_page=CONVERSATIONS_PER_TRANSACTION,
        rows_page=PAGE,
        max_pages=retention.MAX_PAGES,
        statement_timeout_seconds=_statement_timeout_seconds(),
        kinds=_kinds(stored=stored, due=due, left=_due(at)),
        runs=runs[:-1],
        queued=queued(),
        idle=runs[-1],
        idle_after_vacuum=idle_after_vacuum,
    )


def _measured_run(dynamodb_calls: Callable[[], int]) -> RetentionRun:
    statements = Statements()
    before, calls_before = _counters(), dynamodb_calls()
    begun = time.perf_counter()
    with connection.execute_wrapper(statements):
        retention.delete_expired.run()
    seconds = time.perf_counter() - begun
    tables = {
        name: _Counters(*map(sub, counters, before[name])) for name, counters in _counters().items()
    }
    return RetentionRun(
        removed=_removed(tables),
        changed=sum(table.updated + table.deleted for table in tables.values()),
        rows_read=sum(table.rows_read for table in tables.values()),
        blocks=sum(table.blocks for table in tables.values()),
        statements=statements.count,
        longest=statements.longest,
        longest_seconds=statements.longest_seconds,
        dynamodb_calls=dynamodb_calls() - calls_before,
        seconds=seconds,
    )


def _counters() -> Mapping[str, _Counters]:
    """Return the counters of each table so far."""
    with connection.cursor() as cursor:
        cursor.execute(_FLUSH)
        cursor.execute(_COUNTERS)
        return {name: _Counters(*numbers) for name, *numbers in cursor.fetchall()}


def _removed(tables: Mapping[str, _Counters]) -> Mapping[str, int]:
    """Return how much of each kind a run has removed.

    Deleting an archive updates its conversation, and nothing else does.
    """
    numbers = _by_kind(
        archives=tables[Conversation._meta.db_table].updated,
        rows=lambda kind: tables[kind.model._meta.db_table].deleted,
    )
    return {name: number for name, number in numbers.items() if number}


def _kinds(
    *, stored: Mapping[str, int], due: Mapping[str, int], left: Mapping[str, int]
) -> list[Kind]:
    """Return the kinds of which something was stored."""
    kept_for = _by_kind(
        archives=as_text(ARCHIVE_RETENTION),
        rows=lambda kind: as_text(kind.retention or timedelta()),
    )
    return [
        Kind(name=name, retention=retained, stored=stored[name], due=due[name], left=left[name])
        for name, retained in kept_for.items()
        if stored[name]
    ]


def _stored() -> Mapping[str, int]:
    return _by_kind(
        archives=ConversationMessages.objects.count(),
        rows=lambda kind: kind.model._meta.base_manager.count(),
    )


def _due(at: datetime) -> Mapping[str, int]:
    """Return how much is due, as the dry run of `manage.py retention` counts it."""
    archives = [find_expired(project=one, now=at) for one in projects_with_retention()]
    return _by_kind(
        archives=sum(one.conversations for one in archives),
        rows=lambda kind: kind.count(now=at),
    )


def _by_kind(*, archives: Value, rows: Callable[[Expiry], Value]) -> dict[str, Value]:
    """Return a value for each kind: archives, then those of rows in the order of the task."""
    return {"archives": archives} | {kind.plural: rows(kind) for kind in retention.expiries()}


def _statement_timeout_seconds() -> float:
    """Return the limit of the service's role for a statement."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT setting FROM pg_settings WHERE name = 'statement_timeout'")
        ((milliseconds,),) = cursor.fetchall()
    return int(milliseconds) / 1000
