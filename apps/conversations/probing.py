"""Ask PostgreSQL for all that an event asks of it, writing included."""

from datetime import datetime, timedelta
from uuid import uuid4

from django.db import transaction

from apps.conversations.attribution import IncomingMessage, find_or_open
from apps.conversations.contacts import Contact
from apps.conversations.models import WorkerProbe

FORGET_AFTER = timedelta(days=1)


def probe(*, worker: str, now: datetime) -> None:
    """Open a conversation of a random contact and roll it back; commit a row of this worker.

    The first needs the tables, the function and the grants that an event needs. The second needs a
    server that commits: a standby or a full disk may only be noticed then. Raises Unavailable, and
    Django's database errors.
    """
    with transaction.atomic():
        contact = Contact(project_uuid=uuid4(), channel_uuid=uuid4(), urn="probe")
        find_or_open(
            [
                IncomingMessage(
                    contact=contact,
                    at=now,
                    sent_at=now,
                    from_contact=True,
                    contact_name="",
                    group_id="probe",
                )
            ]
        )
        transaction.set_rollback(True)
    WorkerProbe.objects.filter(probed_at__lt=now - FORGET_AFTER).delete()
    WorkerProbe.objects.update_or_create(worker=worker[:255], defaults={"probed_at": now})
