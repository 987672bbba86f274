"""Draining the outbox into the data lake, and keeping it small."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from apps.analytics.datalake import DataLake, Refused
from apps.analytics.models import OutboxEvent

# What a call delivers at most: after a day without the lake, messages come in between.
MAX_BATCHES = 10
KEPT_FOR = timedelta(days=7)
PRUNED_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What became of the events that were given to the lake together."""

    delivered: int
    refused: int

    @property
    def handled(self) -> int:
        """How many need no more to be done."""
        return self.delivered + self.refused


def uncounted(_batch: Batch) -> None:
    """For those who do not count batches."""


def drain(*, lake: DataLake, now: datetime, on_batch: Callable[[Batch], None] = uncounted) -> int:
    """Deliver what waits, oldest first, in batches; gives how many events were dealt with.

    At most ten batches; the rest is for the next call. At least once: a crash between delivery and
    commit delivers a batch again, with the same event ids. What the lake will never take is marked
    as refused, and keeps nothing else. Raises Unavailable if the lake does not answer or refuses
    for now; its rows stay and are delivered by a later call. `on_batch` is called for each batch
    that is committed, also of a call that raises later.
    """
    handled = 0
    for _ in range(MAX_BATCHES):
        batch = _deliver_batch(lake=lake, now=now)
        on_batch(batch)
        handled += batch.handled
        if batch.handled < lake.max_batch_size:
            break
    return handled


def prune(*, now: datetime) -> int:
    """Delete up to 5,000 rows that were delivered over a week ago; gives how many."""
    old = OutboxEvent.objects.filter(delivered_at__lt=now - KEPT_FOR).order_by("delivered_at")
    deleted, _ = OutboxEvent.objects.filter(pk__in=old.values("pk")[:PRUNED_AT_ONCE]).delete()
    return deleted


def retry_refused(*, event_ids: Sequence[UUID] = ()) -> int:
    """Let refused events be delivered again: these, or all; gives how many."""
    refused = OutboxEvent.objects.exclude(refusal="")
    if event_ids:
        refused = refused.filter(event_id__in=event_ids)
    return refused.update(refusal="")


@transaction.atomic
def _deliver_batch(*, lake: DataLake, now: datetime) -> Batch:
    waiting = OutboxEvent.objects.filter(delivered_at=None, refusal="").order_by("id")
    events = list(waiting.select_for_update(skip_locked=True)[: lake.max_batch_size])
    if not events:
        return Batch(delivered=0, refused=0)
    reasons: Mapping[str, str] = {}
    try:
        lake.send([event.payload for event in events])
    except Refused as error:
        reasons = error.reasons
    return _note_what_the_lake_said(events, reasons=reasons, now=now)


def _note_what_the_lake_said(
    events: Sequence[OutboxEvent], *, reasons: Mapping[str, str], now: datetime
) -> Batch:
    for event in events:
        event.refusal = reasons.get(str(event.event_id), "")
    delivered = [event.pk for event in events if not event.refusal]
    OutboxEvent.objects.filter(pk__in=delivered).update(delivered_at=now)
    OutboxEvent.objects.bulk_update([event for event in events if event.refusal], ["refusal"])
    return Batch(delivered=len(delivered), refused=len(events) - len(delivered))
