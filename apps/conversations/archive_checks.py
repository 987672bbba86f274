"""Schedule of the archive checks, which search DynamoDB for messages that are not archived yet.

The messages of an open conversation are archived every 24 hours, because DynamoDB deletes them
after 48 hours. A closed conversation is checked twice more: 15 minutes after it closed, and a day
after its messages were archived. A frozen worker, or a producer that uses another message group,
may have written messages late.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Case, F, When

from apps.conversations.contacts import Contact
from apps.conversations.models import CLOSED, Conversation, Resolution
from apps.conversations.selectors import of_contact
from apps.conversations.transitions import ARCHIVE_OPEN_EVERY, FIRST_ARCHIVE_CHECK

# A check that was not completed can be claimed again after this time.
CHECK_LEASE = timedelta(minutes=15)
# Less than a day, so that the messages that this check finds are archived long before DynamoDB
# deletes them.
LAST_CHECK = timedelta(hours=23)


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A claimed check of one conversation. Other workers cannot claim it until `leased_until`.

    If the conversation `was_archived`, the check should find no messages.
    """

    conversation_uuid: UUID
    was_archived: bool
    leased_until: datetime


@transaction.atomic
def claim(*, in_progress: bool, limit: int, now: datetime) -> list[Check]:
    """Claim up to `limit` archive checks that are due, and return them, the longest due first."""
    resolutions = [Resolution.IN_PROGRESS] if in_progress else CLOSED
    due = (
        Conversation.objects.select_for_update(skip_locked=True)
        .filter(archive_check_at__lte=now, resolution__in=resolutions)
        .order_by("archive_check_at")
        .values_list("uuid", "archived_at")[:limit]
    )
    leased_until = now + CHECK_LEASE
    checks = [
        Check(
            conversation_uuid=uuid,
            was_archived=archived_at is not None,
            leased_until=leased_until,
        )
        for uuid, archived_at in due
    ]
    claimed = [check.conversation_uuid for check in checks]
    Conversation.objects.filter(uuid__in=claimed).update(archive_check_at=leased_until)
    return checks


def check_soon(*, contact: Contact, now: datetime) -> None:
    """Check the contact's conversation in progress after 15 minutes, unless it is due earlier."""
    soon = now + FIRST_ARCHIVE_CHECK
    of_contact(contact).filter(resolution=Resolution.IN_PROGRESS, archive_check_at__gt=soon).update(
        archive_check_at=soon
    )


def check_now(conversation_uuids: Collection[UUID], *, now: datetime) -> None:
    """Make a check of these conversations due, unless one is due already."""
    Conversation.objects.filter(uuid__in=conversation_uuids).exclude(
        archive_check_at__lte=now
    ).update(archive_check_at=now)


def complete(check: Check, *, now: datetime) -> None:
    """Schedule the next check, unless a close or a reopening has scheduled one meanwhile."""
    last_check = F("archived_at") + LAST_CHECK
    Conversation.objects.filter(
        uuid=check.conversation_uuid, archive_check_at=check.leased_until
    ).update(
        archive_check_at=Case(
            When(resolution=Resolution.IN_PROGRESS, then=now + ARCHIVE_OPEN_EVERY),
            When(archived_at__gt=now - LAST_CHECK, then=last_check),
            default=None,
        )
    )
