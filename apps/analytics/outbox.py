"""Draining the outbox into the data lake."""

from datetime import datetime

from django.db import transaction

from apps.analytics.datalake import DataLake
from apps.analytics.models import OutboxEvent

BATCH = 500


def drain(*, lake: DataLake, now: datetime) -> int:
    """Deliver what waits, oldest first, in batches; gives how many events were delivered.

    At least once: a crash between delivery and commit delivers a batch again, with the same event
    ids. Raises Unavailable if the lake refuses; its rows stay and are delivered by a later call.
    """
    delivered = 0
    while count := _deliver_batch(lake=lake, now=now):
        delivered += count
    return delivered


@transaction.atomic
def _deliver_batch(*, lake: DataLake, now: datetime) -> int:
    waiting = OutboxEvent.objects.filter(delivered_at=None).order_by("id")
    events = list(waiting.select_for_update(skip_locked=True)[:BATCH])
    if events:
        lake.send([event.payload for event in events])
        OutboxEvent.objects.filter(pk__in=[event.pk for event in events]).update(delivered_at=now)
    return len(events)
