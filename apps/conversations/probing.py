"""A probe of PostgreSQL that does what an event does, including writes."""

from datetime import datetime, timedelta
from uuid import uuid4

from django.db import transaction

from apps.conversations.attribution import IncomingMessage, find_or_open
from apps.conversations.contacts import Contact
from apps.conversations.models import WorkerProbe

MAX_ROW_AGE = timedelta(days=1)


def probe(*, worker: str, now: datetime) -> None:
    """Open a conversation and roll it back, then commit a row of this worker.

    The first part needs the tables, the function and the grants that an event needs. The second
    part needs a server that commits: some failures, such as a standby or a full disk, may appear
    only at the commit. Raise Unavailable, or one of Django's database errors.
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
    WorkerProbe.objects.filter(probed_at__lt=now - MAX_ROW_AGE).delete()
    WorkerProbe.objects.update_or_create(worker=worker[:255], defaults={"probed_at": now})
