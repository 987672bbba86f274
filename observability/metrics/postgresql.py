"""Gauges that are read from PostgreSQL.

The cost of each statement is bounded, because it reads a limited part of an index.
"""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction

from apps.analytics import datalake
from apps.common.clock import now as clock_now
from apps.conversations.closing_times import OVERDUE
from observability.metrics import definitions
from observability.metrics.definitions import Gauge, Reading

# Counting stops here, because a larger number costs more and means the same to an operator.
MAX_ROWS = 10_000
MAX_REASONS = 40
OTHER = "other"
STATEMENT_TIMEOUT = "3s"
# Twice the time after which the pointer of a claim is sent again.
LATE = timedelta(minutes=30)
# The first archive check completes the archives that closing left incomplete.
PENDING = timedelta(minutes=15)

CLOSINGS = """
SELECT
    (SELECT count(*) FROM (
        SELECT FROM conversations_conversation WHERE due_at <= %(now)s LIMIT %(limit)s) AS due),
    (SELECT count(*) FROM (
        SELECT FROM conversations_conversation WHERE due_at < %(overdue)s
        LIMIT %(limit)s) AS overdue),
    count(*), count(*) FILTER (WHERE closes_at < %(late)s)
FROM (
    SELECT closes_at FROM conversations_conversation WHERE close_requested_at IS NOT NULL
    ORDER BY close_requested_at LIMIT %(limit)s
) AS claimed
"""
ARCHIVES = """
SELECT count(*) FILTER (WHERE ended_at < %(pending)s) FROM (
    SELECT ended_at FROM conversations_conversation
    WHERE archived_at IS NULL AND resolution <> 2 ORDER BY opened_at LIMIT %(limit)s
) AS unarchived
"""
# The condition of a partial index. There are few rows: an erasure takes seconds.
ERASURES = """
SELECT count(*) FROM (
    SELECT FROM conversations_erasure
    WHERE erased_at IS NULL AND requested_at < %(pending)s LIMIT %(limit)s
) AS unfinished
"""
OUTBOX = """
SELECT count(*), min(created_at) FROM (
    SELECT created_at FROM analytics_outboxevent
    WHERE delivered_at IS NULL AND refusal = '' ORDER BY id LIMIT %(limit)s
) AS waiting
"""
REFUSED = """
SELECT count(*) FROM (
    SELECT FROM analytics_outboxevent WHERE refusal <> '' LIMIT %(limit)s
) AS refused
"""
# The index and the limit bound what is read. A requested redrive is a decision.
LETTERS = """
SELECT reason, count(*), min(queue_time) FROM (
    SELECT reason, queue_time, redrive_requested_at FROM conversation_messages_deadletter
    WHERE redriven_at IS NULL ORDER BY queue_time DESC, id DESC LIMIT %(limit)s
) AS not_redriven
WHERE redrive_requested_at IS NULL GROUP BY reason ORDER BY count(*) DESC
"""
# The table has only a few rows, all of them schedules of this service's tasks.
LAST_TICK = """
SELECT max(last_run_at) FROM django_celery_beat_periodictask WHERE enabled
"""
# An estimate, because count(*) would read the whole index with every scrape.
ESTIMATE = "SELECT reltuples FROM pg_class WHERE oid = 'one_in_progress_per_contact'::regclass"


def read_postgresql() -> Reading:
    """Return the values of all gauges of PostgreSQL. Raise Django's database errors.

    It uses the database connection of the calling thread and closes it at the end.
    """
    moment = clock_now()
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = %s", [STATEMENT_TIMEOUT])
            return read_gauges(cursor, moment=moment)
    finally:
        connection.close()


def read_gauges(cursor: Any, *, moment: datetime) -> Reading:
    """Return the values of all gauges of PostgreSQL. Raise Django's database errors."""

    def age(since: datetime | None) -> float:
        return max(0.0, (moment - since).total_seconds()) if since else 0.0

    def rows(statement: str, **parameters: Any) -> list[Any]:
        cursor.execute(statement, {"limit": MAX_ROWS, **parameters})
        return list(cursor.fetchall())

    times = {"now": moment, "overdue": moment - OVERDUE, "late": moment - LATE}
    ((due, overdue, claimed, late),) = rows(CLOSINGS, **times)
    ((pending,),) = rows(ARCHIVES, pending=moment - PENDING)
    ((erasures,),) = rows(ERASURES, pending=moment - PENDING)
    ((waiting, oldest),) = rows(OUTBOX)
    ((refused,),) = rows(REFUSED)
    return {
        **_single(definitions.CLOSINGS_DUE, due),
        **_single(definitions.CLOSINGS_OVERDUE, overdue),
        **_single(definitions.CLOSINGS_CLAIMED, claimed),
        **_single(definitions.CLOSINGS_LATE, late),
        **_single(definitions.ARCHIVES_PENDING, pending),
        **_single(definitions.ERASURES_PENDING, erasures),
        # A setting, with the state of the outbox that it explains.
        **_single(definitions.LAKE_ENABLED, not datalake.is_off()),
        **_single(definitions.LAKE_WAITING, waiting),
        **_single(definitions.LAKE_OLDEST_AGE, age(oldest)),
        **_single(definitions.LAKE_REFUSED, refused),
        **_dead_letters(rows, age),
        **_beat(rows, moment),
        **_in_progress(rows),
    }


def _dead_letters(rows: Callable[..., list[Any]], age: Callable[..., float]) -> Reading:
    letters = rows(LETTERS)
    waiting: Counter[tuple[str, ...]] = Counter()
    for rank, (reason, number, _oldest) in enumerate(letters):
        waiting[(reason if rank < MAX_REASONS else OTHER,)] += number
    oldest = min((oldest for _reason, _number, oldest in letters), default=None)
    by_reason = {reason: float(number) for reason, number in waiting.items()}
    return {
        definitions.DEAD_LETTERS_WAITING.name: by_reason,
        **_single(definitions.DEAD_LETTERS_OLDEST_AGE, age(oldest)),
    }


def _beat(rows: Callable[..., list[Any]], moment: datetime) -> Reading:
    """Return the age of beat's last tick, or nothing if beat has never run.

    The age is negative if the last tick is in the future, because a clock is or was wrong.
    """
    ((last_tick,),) = rows(LAST_TICK)
    if not last_tick:
        return {}
    return _single(definitions.BEAT_LAST_TICK_AGE, (moment - last_tick).total_seconds())


def _in_progress(rows: Callable[..., list[Any]]) -> Reading:
    """Return PostgreSQL's estimate, or nothing if it has none yet, which is stored as -1."""
    ((estimate,),) = rows(ESTIMATE)
    return _single(definitions.IN_PROGRESS, estimate) if estimate >= 0 else {}


def _single(gauge: Gauge, value: float) -> Reading:
    return {gauge.name: {(): float(value)}}
