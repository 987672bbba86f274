"""Erasing a contact from all stores of this service: counted, requested, waited for."""

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
from tasks.deadletters.erase import Search, erase_dead_letters

# Seconds.
POLL_INTERVAL = 0.5
# What is counted, with the label of each.
LABELS = {
    "conversations": "conversations",
    "archived_messages": "archived messages",
    "dynamodb_messages": "messages in DynamoDB",
    "survey_answers": "survey answers",
    "outbox_events": "outbox events",
    "dead_letters": "dead letters",
}

logger = logging.getLogger(__name__)


def count_of_contact(*, project_uuid: UUID, urn: str) -> dict[str, int]:
    """Return how much there is of the contact now, without dead letters."""
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
    """Return how much these erasures have removed together."""
    removed: Counter[str] = Counter()
    for erasure in erasures:
        removed.update({name: erasure.removed.get(name, 0) for name in LABELS})
    return {name: removed[name] for name in LABELS}


def lake_event_ids(*, project_uuid: UUID, urn: str) -> list[str]:
    """Return the ids of the events that the lake has, of all erasures of the contact.

    The lake keeps what it was sent before each of them.
    """
    done = erasing.erasures_done(project_uuid=project_uuid, urn=urn)
    return [one for erasure in done for one in erasure.removed["lake_event_ids"]]


def request_erasure(*, project_uuid: UUID, urn: str) -> list[Erasure]:
    """Write what is to be erased, with an entry in the audit log that has the contact's hash."""
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
    """Wait until all are done or time runs out. Return how many are not done."""
    deadline = time.monotonic() + seconds
    pending = Erasure.objects.filter(uuid__in=erasure_uuids, erased_at=None)
    while (count := pending.count()) and time.monotonic() < deadline:
        time.sleep(POLL_INTERVAL)
    return count


def erase_from_dead_letter_queue(
    *, project_uuid: UUID, urn: str, erasures: Sequence[Erasure]
) -> Search:
    """Delete the contact's letters that are still in the queue. Raise Unavailable."""
    groups = {erasure.group_id for erasure in erasures}
    search = erase_dead_letters(project_uuid=project_uuid, urn=urn, group_ids=groups)
    logger.info(
        "dead_letters_searched",
        extra={"project_uuid": str(project_uuid), "deleted": search.deleted},
    )
    return search
