"""Draining the outbox into the data lake, and deleting old rows from it."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction

from apps.analytics.datalake import DataLake, LakeEvent, Refused
from apps.analytics.models import OutboxEvent
from apps.common.lossless_json import unescape

# The maximum number of calls in one run, so that a large backlog does not keep a worker from its
# messages.
MAX_CALLS = 10
RETENTION = timedelta(days=7)
MAX_PRUNED_ROWS = 5_000
# Replaces the role's limit, which is shorter than a slow call to the lake. Tasks have the same
# limit.
CALL_LIMIT = "11min"
# Neither JSON in UTF-8 nor gRPC can express these, whereas both can express NUL.
_LONE_SURROGATES = re.compile(r"[\ud800-\udfff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryCounts:
    """How many events of one call to the lake were delivered and refused."""

    delivered: int
    refused: int

    @property
    def handled(self) -> int:
        """The number of events that are not delivered again."""
        return self.delivered + self.refused


def ignore(_counts: DeliveryCounts) -> None:
    """Do nothing: the default for `on_delivery`."""


def drain(
    *, lake: DataLake, now: datetime, on_delivery: Callable[[DeliveryCounts], None] = ignore
) -> int:
    """Deliver waiting events, oldest first. Return how many were delivered or refused.

    It makes at most ten calls to the lake, and a later drain delivers the rest. Events that do not
    fill a call wait until the oldest is as old as the lake gathers events. Delivery is at
    least once: a crash between a call and its commit delivers the events again, with the same event
    ids. Events that the lake will never take are marked as refused and do not delay others.
    `on_delivery` is called after each commit, even if a later call raises. Raise Unavailable if the
    lake does not answer or refuses temporarily. The rows then stay for a later drain.
    """
    handled = 0
    for _ in range(MAX_CALLS):
        counts = _deliver_next(lake=lake, now=now)
        on_delivery(counts)
        handled += counts.handled
        if counts.handled < lake.max_batch_size:
            break
    return handled


def prune(*, now: datetime) -> int:
    """Delete up to 5,000 rows that were delivered over a week ago; return how many."""
    old = OutboxEvent.objects.filter(delivered_at__lt=now - RETENTION).order_by("delivered_at")
    deleted, _ = OutboxEvent.objects.filter(pk__in=old.values("pk")[:MAX_PRUNED_ROWS]).delete()
    return deleted


@transaction.atomic
def _deliver_next(*, lake: DataLake, now: datetime) -> DeliveryCounts:
    waiting = OutboxEvent.objects.filter(delivered_at=None, refusal="").order_by("id")
    events = list(waiting.select_for_update(skip_locked=True)[: lake.max_batch_size])
    # Rows that another delivery has locked are not among these events.
    is_full = len(events) == lake.max_batch_size
    if not events or (not is_full and _is_gathering(events[0], lake=lake, now=now)):
        return DeliveryCounts(delivered=0, refused=0)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = %s", [CALL_LIMIT])
    reasons: Mapping[str, str] = {}
    try:
        lake.send([_original(event.payload) for event in events])
    except Refused as error:
        reasons = error.reasons
    return _record_delivery(events, reasons=reasons, now=now)


def _is_gathering(oldest: OutboxEvent, *, lake: DataLake, now: datetime) -> bool:
    """Return whether this event still waits for others.

    The clock of the worker that wrote it may be ahead. Then its age is unknown, and it does not
    wait.
    """
    return timedelta(0) <= now - oldest.created_at < lake.gather_for


def _original(payload: LakeEvent) -> LakeEvent:
    """Return an event with the texts as their producer sent them.

    In PostgreSQL they are escaped (see apps.common.lossless_json). A lone surrogate becomes a
    replacement character.
    """

    def original(stored: str) -> str:
        return _LONE_SURROGATES.sub("\N{REPLACEMENT CHARACTER}", unescape(stored))

    return {
        **payload,
        "contact_urn": original(payload["contact_urn"]),
        "key": original(payload["key"]),
        "value": original(payload["value"]),
    }


def _record_delivery(
    events: Sequence[OutboxEvent], *, reasons: Mapping[str, str], now: datetime
) -> DeliveryCounts:
    for event in events:
        event.refusal = reasons.get(str(event.event_id), "")
    delivered = [event.pk for event in events if not event.refusal]
    OutboxEvent.objects.filter(pk__in=delivered).update(delivered_at=now)
    OutboxEvent.objects.bulk_update([event for event in events if event.refusal], ["refusal"])
    return DeliveryCounts(delivered=len(delivered), refused=len(events) - len(delivered))
