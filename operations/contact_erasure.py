"""Erasing a contact from all stores of this service: counting, requesting and waiting."""

import logging
import time
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from uuid import UUID

from django.db import transaction

from apps.analytics.erasing import find_answers
from apps.common.clock import now
from apps.conversations import audit, erasing
from apps.conversations.models import AuditAction, Erasure
from apps.messages.erasing import count_archived, count_stored
from tasks.deadletters.erase import SearchResult, erase_dead_letters

# Seconds.
POLL_INTERVAL = 0.5
# The kinds of data that are counted, with the labels that are printed.
LABELS = {
    "conversations": "conversations",
    "archived_messages": "archived messages",
    "dynamodb_messages": "messages in DynamoDB",
    "survey_answers": "survey answers",
    "outbox_events": "outbox events",
    "dead_letters": "dead letters",
}

logger = logging.getLogger(__name__)


def count_contact_data(*, project_uuid: UUID, urn: str) -> dict[str, int]:
    """Return the amount of each kind of data of a contact, without dead letters."""
    conversations = erasing.conversations_of_contact(project_uuid=project_uuid, urn=urn)
    answers = find_answers(project_uuid=project_uuid, urn=urn, conversation_uuids=conversations)
    return {
        "conversations": len(conversations),
        "archived_messages": count_archived(conversations),
        "dynamodb_messages": count_stored(conversations),
        "survey_answers": answers.answers,
        "outbox_events": answers.outbox_events,
    }


def count_removed(erasures: Iterable[Erasure]) -> dict[str, int]:
    """Return the amount of each kind of data that the erasures removed together."""
    removed: Counter[str] = Counter()
    for erasure in erasures:
        removed.update({name: erasure.removed.get(name, 0) for name in LABELS})
    return {name: removed[name] for name in LABELS}


def lake_event_ids(*, project_uuid: UUID, urn: str) -> list[str]:
    """Return the ids of the contact's events that were sent to the data lake before an erasure.

    The data lake keeps them, because this service cannot delete from it.
    """
    erasures = erasing.erasures_done(project_uuid=project_uuid, urn=urn)
    return [event_id for erasure in erasures for event_id in erasure.removed["lake_event_ids"]]


def request_erasure(*, project_uuid: UUID, urn: str) -> list[Erasure]:
    """Store the requested erasures, and add an entry with the contact's hash to the audit log."""
    with transaction.atomic():
        erasures = erasing.request(project_uuid=project_uuid, urn=urn, now=now())
        ids = [str(erasure.uuid) for erasure in erasures]
        audit.record(
            actor=audit.command_line(),
            action=AuditAction.ERASE,
            of="contact",
            object_id=erasing.contact_hash(project_uuid=project_uuid, urn=urn),
            project=str(project_uuid),
            erasures=ids,
        )
    logger.info("erasure_requested", extra={"project_uuid": str(project_uuid), "erasures": ids})
    return erasures


def wait_until_erased(erasure_uuids: Collection[UUID], *, seconds: float) -> int:
    """Wait until all erasures are done or `seconds` have passed. Return how many are not done."""
    deadline = time.monotonic() + seconds
    pending = Erasure.objects.filter(uuid__in=erasure_uuids, erased_at=None)
    while (count := pending.count()) and time.monotonic() < deadline:
        time.sleep(POLL_INTERVAL)
    return count


def erase_from_dead_letter_queue(
    *, project_uuid: UUID, urn: str, erasures: Sequence[Erasure]
) -> SearchResult:
    """Delete the contact's letters from the dead-letter queue. Raise Unavailable."""
    groups = {erasure.group_id for erasure in erasures}
    search = erase_dead_letters(project_uuid=project_uuid, urn=urn, group_ids=groups)
    logger.info(
        "dead_letters_searched",
        extra={"project_uuid": str(project_uuid), "deleted": search.deleted},
    )
    return search
