"""Moving the time until which changes leave marks, and finding when it holds for certain."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, time, timedelta

from django.db import connection, transaction

from apps.analytics.figures.parts import WITHOUT_JIT
from apps.analytics.rollup_models import RollupWatch

# Most changes happen on the day of the row or the next one. They shall leave no marks.
UNMARKED = timedelta(days=1)

_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('analytics rollups', 0))"
# The oldest transaction that runs, and the next one that begins (PostgreSQL, "Transaction ID and
# Snapshot Information Functions").
_TRANSACTIONS = """
SELECT pg_snapshot_xmin(one)::text::bigint, pg_snapshot_xmax(one)::text::bigint
FROM pg_current_snapshot() AS one
"""


@contextmanager
def locked() -> Iterator[None]:
    """Open a transaction that alone changes rollups. Raise Django's database errors."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(_LOCK)
            cursor.execute(WITHOUT_JIT)
        yield


def watch(*, now: datetime) -> None:
    """Let changes of what happened before yesterday, in UTC, leave marks."""
    until = datetime.combine((now.astimezone(UTC) - UNMARKED).date(), time(0), tzinfo=UTC)
    with locked():
        RollupWatch.objects.get_or_create(defaults={"marked_until": until})
        RollupWatch.objects.filter(marked_until__lt=until).update(marked_until=until, fence=None)


def settle() -> datetime | None:
    """Return the time before which every change has left a mark, or None if there is none yet.

    Call it after `watch` has committed: transactions that may not have seen its change must have
    ended first. If some still run, a later call moves the time forward.
    """
    with locked():
        row = RollupWatch.objects.first()
        if row is None or row.settled_until == row.marked_until:
            return row.settled_until if row else None
        with connection.cursor() as cursor:
            cursor.execute(_TRANSACTIONS)
            oldest, following = cursor.fetchone()
        # A dump that was restored in another cluster has a fence of the former one.
        if row.fence is None or row.fence > following:
            row.fence = following
        if row.fence <= oldest:
            row.settled_until = row.marked_until
        row.save(update_fields=["fence", "settled_until"])
        return row.settled_until
