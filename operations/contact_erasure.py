"""Erasing a contact from all stores: counting, requesting, waiting, and deleting dead letters."""

import logging
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction

from apps.analytics import erasing as answers
from apps.common.clock import now
from apps.conversations import audit, erasing
from apps.conversations.audit_models import AuditAction
from apps.conversations.erasure_models import Erasure
from apps.messages import contact_letters
from apps.messages import erasing as messages
from apps.messages.contact_letters import ContactLetters
from tasks.deadletters import queue
from tasks.deadletters.collect import collect_batch

# Seconds.
POLL_INTERVAL = 0.5
MAX_COLLECTING = 600
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


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectedLetters:
    """How many letters of a contact were dropped, and about how many letters are left on the queue.

    Letters are left if another receiver has them, if SQS has not deleted them, or if there was no
    time for all.
    """

    dropped: int
    left: int


def groups_of_contact(*, project_uuid: UUID, urn: str) -> set[str]:
    """Return the message groups from which the service has data of a contact."""
    apps = (answers, erasing, messages)
    return set().union(*(app.groups_of(project_uuid=project_uuid, urn=urn) for app in apps))


def count_contact_data(*, project_uuid: UUID, urn: str) -> dict[str, int]:
    """Return the amount of each kind of data of a contact. Raise Unavailable."""
    conversations = erasing.conversations_of(project_uuid=project_uuid, urn=urn)
    found = answers.find_answers(project_uuid=project_uuid, urn=urn)
    return {
        "conversations": len(conversations),
        "archived_messages": messages.count_archived(conversations),
        "dynamodb_messages": messages.count_stored(conversations),
        "survey_answers": found.answers,
        "outbox_events": found.outbox_events,
        "dead_letters": contact_letters.count(_letters(project_uuid, urn)),
    }


def count_removed(erasures: Iterable[Erasure]) -> dict[str, int]:
    """Return the amount of each kind of data that these erasures removed in total."""
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


def request_erasure(*, project_uuid: UUID, urn: str) -> Erasure:
    """Store the requested erasure, and add an entry with the contact's hash to the audit log."""
    groups = groups_of_contact(project_uuid=project_uuid, urn=urn)
    with transaction.atomic():
        erasure = erasing.request(project_uuid=project_uuid, urn=urn, group_ids=groups, now=now())
        audit.record(
            actor=audit.command_line(),
            action=AuditAction.ERASE,
            of="contact",
            object_id=erasure.contact_hash,
            project=str(project_uuid),
            erasure=str(erasure.uuid),
        )
    logger.info(
        "erasure_requested",
        extra={"project_uuid": str(project_uuid), "erasure": str(erasure.uuid)},
    )
    return erasure


def wait_until_erased(erasure_uuid: UUID, *, seconds: float) -> bool:
    """Wait until an erasure is done or `seconds` have passed. Return whether it is done."""
    deadline = time.monotonic() + seconds
    done = Erasure.objects.filter(uuid=erasure_uuid).exclude(erased_at=None)
    while not (is_done := done.exists()) and time.monotonic() < deadline:
        time.sleep(POLL_INTERVAL)
    return is_done


def collect_letters(*, project_uuid: UUID, urn: str, seconds: float) -> CollectedLetters:
    """Move all letters of the dead-letter queue to PostgreSQL, and drop those of erased contacts.

    Only there are the letters visible that are behind others of the same group. Wait up to
    `seconds` for letters that other receivers have. Raise Unavailable.
    """
    wanted = _letters(project_uuid, urn)
    dropped, begin = 0, time.monotonic()
    while True:
        batch = collect_batch()
        left = 0 if batch else queue.count()
        if batch:
            dropped += sum(map(wanted.include, batch.erased))
        elif not left:
            return CollectedLetters(dropped=dropped, left=0)
        if time.monotonic() - begin > (MAX_COLLECTING if batch else seconds):
            return CollectedLetters(dropped=dropped, left=left or queue.count())


def delete_letters(erasure_uuid: UUID, *, project_uuid: UUID, urn: str, dropped: int) -> None:
    """Delete the contact's letters from PostgreSQL. Add them, and those dropped, to the counts."""
    deleted = contact_letters.delete(_letters(project_uuid, urn)) + dropped
    erasing.add_letters(erasure_uuid, deleted=deleted)
    logger.info(
        "dead_letters_searched", extra={"project_uuid": str(project_uuid), "deleted": deleted}
    )


def _letters(project_uuid: UUID, urn: str) -> ContactLetters:
    groups = erasing.group_hashes_of(project_uuid=project_uuid, urn=urn)
    return ContactLetters(project_uuid=project_uuid, urn=urn, group_hashes=groups)
