"""What waits in PostgreSQL. Each statement reads a bounded part of an index, however many rows."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction

from apps.common.clock import now as clock_now
from observability.metrics.gauge import Gauge, Reading

# Counting ends here: a larger number would say no more, and cost more.
MOST = 10_000
MOST_REASONS = 40
OTHER = "other"
STATEMENT_TIMEOUT = "3s"
OVERDUE = timedelta(minutes=5)
# Twice as long as a claim's pointer has until it is sent again.
LATE = timedelta(minutes=30)
# Archives that closing did not make are made by the first check.
PENDING = timedelta(minutes=15)

DUE = Gauge(
    name="conversations_closings_due",
    meaning="Conversations whose closing is due and has not been claimed; up to 10,000.",
)
OVERDUE_CLOSINGS = Gauge(
    name="conversations_closings_overdue",
    meaning="Conversations whose closing has been due for over 5 minutes and has not been claimed;"
    " up to 10,000.",
)
CLAIMED = Gauge(
    name="conversations_closings_claimed",
    meaning="Conversations whose closing is on its way through the queue; up to 10,000.",
)
LATE_CLOSINGS = Gauge(
    name="conversations_closings_late",
    meaning="Conversations whose closing is on its way and whose closing time is over 30 minutes"
    " past.",
)
ARCHIVES_PENDING = Gauge(
    name="conversations_archives_pending",
    meaning="Conversations that closed over 15 minutes ago and are not archived; up to 10,000.",
)
OUTBOX_WAITING = Gauge(
    name="conversations_lake_waiting",
    meaning="Events that the data lake has yet to be told; up to 10,000.",
)
OUTBOX_AGE = Gauge(
    name="conversations_lake_oldest_age_seconds",
    meaning="How long the oldest event that the data lake has yet to be told has waited; 0 if none"
    " does.",
)
OUTBOX_REFUSED = Gauge(
    name="conversations_lake_refused",
    meaning="Events that the data lake has refused for good, and that nobody has sent again; up to"
    " 10,000.",
)
DEAD_LETTERS = Gauge(
    name="conversations_dead_letters_waiting",
    meaning="Dead letters in PostgreSQL that nobody has redriven or discarded, of the newest"
    " 10,000.",
    labels=("reason",),
)
DEAD_LETTERS_AGE = Gauge(
    name="conversations_dead_letters_oldest_age_seconds",
    meaning="How long ago the event of the oldest waiting dead letter was first queued; 0 if there"
    " is none.",
)
BEAT_AGE = Gauge(
    name="conversations_beat_last_tick_age_seconds",
    meaning="How long ago beat last sent a task; it writes that down every three minutes.",
)
IN_PROGRESS = Gauge(
    name="conversations_in_progress_estimate",
    meaning="Conversations in progress, as PostgreSQL's last ANALYZE or VACUUM estimated.",
)
POSTGRESQL = (
    *(DUE, OVERDUE_CLOSINGS, CLAIMED, LATE_CLOSINGS, ARCHIVES_PENDING),
    *(OUTBOX_WAITING, OUTBOX_AGE, OUTBOX_REFUSED),
    *(DEAD_LETTERS, DEAD_LETTERS_AGE, BEAT_AGE, IN_PROGRESS),
)

CLOSINGS = """
SELECT
    (SELECT count(*) FROM (
        SELECT FROM conversations_conversation WHERE due_at <= %(now)s LIMIT %(most)s) AS due),
    (SELECT count(*) FROM (
        SELECT FROM conversations_conversation WHERE due_at < %(overdue)s
        LIMIT %(most)s) AS overdue),
    count(*), count(*) FILTER (WHERE closes_at < %(late)s)
FROM (
    SELECT closes_at FROM conversations_conversation WHERE close_requested_at IS NOT NULL
    ORDER BY close_requested_at LIMIT %(most)s
) AS claimed
"""
ARCHIVES = """
SELECT count(*) FILTER (WHERE ended_at < %(pending)s) FROM (
    SELECT ended_at FROM conversations_conversation
    WHERE archived_at IS NULL AND resolution <> 2 ORDER BY opened_at LIMIT %(most)s
) AS unarchived
"""
OUTBOX = """
SELECT count(*), min(created_at) FROM (
    SELECT created_at FROM analytics_outboxevent
    WHERE delivered_at IS NULL AND refusal = '' ORDER BY id LIMIT %(most)s
) AS waiting
"""
REFUSED = """
SELECT count(*) FROM (
    SELECT FROM analytics_outboxevent WHERE refusal <> '' LIMIT %(most)s
) AS refused
"""
LETTERS = """
SELECT reason, count(*), min(first_sent_at) FROM (
    SELECT reason, first_sent_at FROM conversation_messages_deadletter
    WHERE redriven_at IS NULL ORDER BY first_sent_at DESC, id DESC LIMIT %(most)s
) AS waiting GROUP BY reason ORDER BY count(*) DESC
"""
# The table of schedules has a handful of rows, all of them of this service: the admin site offers
# no other task.
LAST_TICK = """
SELECT max(last_run_at) FROM django_celery_beat_periodictask WHERE enabled
"""
# A count of all would read the whole index with every scrape.
ESTIMATE = "SELECT reltuples FROM pg_class WHERE oid = 'one_in_progress_per_contact'::regclass"


def read_postgresql() -> Reading:
    """What waits now. Raises Django's database errors.

    It uses the connection of the thread that calls, with a statement timeout, and closes it.
    """
    moment = clock_now()
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = %s", [STATEMENT_TIMEOUT])
            return _read(cursor, moment)
    finally:
        connection.close()


def _read(cursor: Any, moment: datetime) -> Reading:
    def age(since: datetime | None) -> float:
        return max(0.0, (moment - since).total_seconds()) if since else 0.0

    def rows(statement: str, **parameters: Any) -> list[Any]:
        cursor.execute(statement, {"most": MOST, **parameters})
        return list(cursor.fetchall())

    times = {"now": moment, "overdue": moment - OVERDUE, "late": moment - LATE}
    ((due, overdue, claimed, late),) = rows(CLOSINGS, **times)
    ((pending,),) = rows(ARCHIVES, pending=moment - PENDING)
    ((waiting, oldest),) = rows(OUTBOX)
    ((refused,),) = rows(REFUSED)
    return {
        **_single(DUE, due),
        **_single(OVERDUE_CLOSINGS, overdue),
        **_single(CLAIMED, claimed),
        **_single(LATE_CLOSINGS, late),
        **_single(ARCHIVES_PENDING, pending),
        **_single(OUTBOX_WAITING, waiting),
        **_single(OUTBOX_AGE, age(oldest)),
        **_single(OUTBOX_REFUSED, refused),
        **_dead_letters(rows, age),
        **_beat(rows, age),
        **_in_progress(rows),
    }


def _dead_letters(rows: Callable[..., list[Any]], age: Callable[..., float]) -> Reading:
    letters = rows(LETTERS)
    waiting: Counter[tuple[str, ...]] = Counter()
    for place, (reason, number, _oldest) in enumerate(letters):
        waiting[(reason if place < MOST_REASONS else OTHER,)] += number
    oldest = min((oldest for _reason, _number, oldest in letters), default=None)
    by_reason = {reason: float(number) for reason, number in waiting.items()}
    return {DEAD_LETTERS.name: by_reason, **_single(DEAD_LETTERS_AGE, age(oldest))}


def _beat(rows: Callable[..., list[Any]], age: Callable[..., float]) -> Reading:
    """Nothing where it has never run: there is no age then."""
    ((last_tick,),) = rows(LAST_TICK)
    return _single(BEAT_AGE, age(last_tick)) if last_tick else {}


def _in_progress(rows: Callable[..., list[Any]]) -> Reading:
    """Nothing where PostgreSQL has not estimated it yet, which it says with -1."""
    ((estimate,),) = rows(ESTIMATE)
    return _single(IN_PROGRESS, estimate) if estimate >= 0 else {}


def _single(gauge: Gauge, value: float) -> Reading:
    return {gauge.name: {(): float(value)}}
