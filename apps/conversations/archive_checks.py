"""When DynamoDB is searched for messages that closing did not, or does not yet, move.

Messages of an open conversation are archived every 24 hours, because DynamoDB deletes them after
48. A closed one is searched again twice, 15 minutes after it closed and a day after its archive
was made: a worker that was frozen, or a producer with another group id, may have written late.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Case, F, When

from apps.conversations.models import CLOSED, Conversation, Resolution
from apps.conversations.transitions import ARCHIVE_OPEN_EVERY

# A check that was not completed is claimed again after this.
CHECK_LEASE = timedelta(minutes=15)
# Within a day, which leaves another one until DynamoDB deletes what is found.
LAST_CHECK = timedelta(hours=23)


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A conversation to be searched; nobody else does until `leased_until`.

    If it `was_archived`, nothing should be found.
    """

    conversation_uuid: UUID
    was_archived: bool
    leased_until: datetime


@transaction.atomic
def claim(*, in_progress: bool, limit: int, now: datetime) -> list[Check]:
    """Claim up to `most` conversations whose check is due, the longest due first."""
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


def complete(check: Check, *, now: datetime) -> None:
    """It was searched: arrange the next time, unless a close or a reopening has done so."""
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
