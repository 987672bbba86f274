"""Parts of the probe of PostgreSQL: a conversation that is rolled back, and a committed row."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from django.db import transaction

from apps.conversations.attribution import IncomingMessage, find_or_open
from apps.conversations.contacts import Contact
from apps.conversations.places import place_at
from apps.conversations.worker_models import WorkerProbe

MAX_ROW_AGE = timedelta(days=1)
GROUP = "probe"


def commit_row(*, worker: str, now: datetime) -> None:
    """Commit a row of this worker, and delete old rows of others.

    Some failures, such as a standby or a full disk, may appear only at the commit. Raise Django's
    database errors.
    """
    WorkerProbe.objects.filter(probed_at__lt=now - MAX_ROW_AGE).delete()
    WorkerProbe.objects.update_or_create(worker=worker[:255], defaults={"probed_at": now})


def open_and_roll_back(*, now: datetime) -> None:
    """Open a conversation of a random contact, and roll it back.

    This needs the tables, the function and the grants that an event needs. Raise Unavailable, or
    one of Django's database errors.
    """
    with opened_conversation(now=now):
        pass


@contextmanager
def opened_conversation(*, now: datetime) -> Iterator[tuple[Contact, UUID | None]]:
    """Open a conversation of a random contact, and roll back all that the block does."""
    contact = Contact(project_uuid=uuid4(), channel_uuid=uuid4(), urn="probe")
    message = IncomingMessage(
        contact=contact,
        place=place_at(queue_time=now, sequence_number=1, group=GROUP),
        at=now,
        from_contact=True,
        contact_name="",
    )
    with transaction.atomic():
        (attribution,) = find_or_open([message])
        yield contact, attribution.conversation_uuid
        transaction.set_rollback(True)
