"""Restoring what PostgreSQL lacks, from the messages that DynamoDB still has.

1. Each conversation whose contact is known opens again, under its former uuid: its messages are
   stored under it. Those of a contact open in the order in which they had opened.
2. Closed conversations whose archives lack messages are searched at once.
3. Messages with a lost effect are sent to the queue again, with their original places. So a worker
   records their answers, in the message group of the contact.

Every part may run again: it then finds what is left.
"""

import logging
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from heapq import nsmallest
from typing import TypeAlias

from apps.common.clock import now
from apps.conversations import adopting, archive_checks, selectors
from apps.conversations.adopting import Adoption
from apps.conversations.answering import restore_decision
from apps.conversations.attribution import IncomingMessage
from apps.conversations.models import Conversation
from apps.conversations.places import time_of
from apps.conversations.spans import NewestMessage
from apps.messages import store
from apps.messages.entries import parse_place
from apps.messages.erasing import delete_stored
from apps.messages.rebuilding import event_of
from apps.messages.written_items import Opened, openings_since
from celery_sqs_fifo import Place
from operations.restoring.facts import MARGIN, Erased, Lost, Unarchived, facts_since
from operations.restoring.sending import Refused, Sender

# The number of conversations that are held in memory, to open them in order.
MAX_OPENINGS = 50_000

_Order: TypeAlias = tuple[int, int, str]

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Reconciled:
    """What was done: conversations by what became of them, and the results for messages."""

    conversations: Counter[Adoption] = field(default_factory=Counter)
    closed: int = 0
    searched: int = 0
    erased: int = 0
    sent: int = 0
    refused: list[Refused] = field(default_factory=list)


def reconcile(restored_to: datetime) -> Reconciled:
    """Restore what PostgreSQL lacks after it was restored to a time. Raise Unavailable."""
    done = Reconciled()
    last = None
    while earliest := _earliest_unknown(restored_to - MARGIN, after=last):
        for opened in earliest:
            _open(opened, done)
        last = _order(earliest[-1])
    sender = Sender()
    for fact in facts_since(restored_to):
        match fact:
            case Unarchived(conversation_uuid=uuid):
                archive_checks.check_now([uuid], now=now())
                done.searched += 1
            case Lost():
                _restore_decision(fact)
                sender.send(fact)
            case Erased(conversation_uuid=uuid):
                delete_stored([uuid])
                done.erased += 1
                logger.info("erased_conversation_deleted", extra={"conversation": str(uuid)})
    sender.flush()
    done.sent, done.refused = sender.sent, sender.refused
    return done


def _earliest_unknown(since: datetime, *, after: _Order | None) -> list[Opened]:
    """Return the conversations without a row that opened first after these, at most MAX_OPENINGS.

    Each call scans the table.
    """
    later = (one for one in openings_since(since) if after is None or after < _order(one))
    unknown = (
        one for one in later if not Conversation.objects.filter(uuid=one.conversation_uuid).exists()
    )
    return nsmallest(MAX_OPENINGS, unknown, key=_order)


def _open(opened: Opened, done: Reconciled) -> None:
    adopted = adopting.adopt(
        conversation_uuid=opened.conversation_uuid,
        opening=_first_event(opened),
        newest=_newest(opened),
        now=now(),
    )
    if adopted.closed:
        archive_checks.check_now([adopted.closed], now=now())
    done.conversations[adopted.adoption] += 1
    done.closed += adopted.closed is not None
    logger.info(
        "conversation_reconciled",
        extra={
            "conversation": str(opened.conversation_uuid),
            "result": adopted.adoption,
            "closed": str(adopted.closed or ""),
        },
    )


def _first_event(opened: Opened) -> IncomingMessage:
    """Return the event that opened a conversation. That of a window has only a place."""
    contact, group = opened.opening.contact, opened.opening.group
    place = _place(opened)
    event = event_of(opened.document, contact=contact, home=group) if opened.document else None
    return IncomingMessage(
        contact=contact,
        place=place,
        at=event.at if event else time_of(place),
        from_contact=event.from_contact if event else False,
        contact_name=event.contact_name if event else "",
        opens=opened.conversation_uuid,
    )


def _newest(opened: Opened) -> NewestMessage | None:
    """Return the contact's conversation in progress with its newest message, or None."""
    in_progress = selectors.in_progress(opened.opening.contact)
    if in_progress is None:
        return None
    place = store.newest_place(in_progress.uuid, home=in_progress.group_id)
    return NewestMessage(conversation_uuid=in_progress.uuid, place=place)


def _restore_decision(lost: Lost) -> None:
    """Store again to which conversation an answer belongs: the one under which its text is."""
    if lost.conversation and lost.event.answer:
        restore_decision(
            contact=lost.event.contact,
            place=lost.event.place,
            conversation=lost.conversation,
            contact_name=lost.event.contact_name,
        )


def _place(opened: Opened) -> Place:
    return parse_place(opened.key, home=opened.opening.group)


def _order(opened: Opened) -> _Order:
    """Return a sort key. Between groups the queue time decides, within one the sequence number."""
    place = _place(opened)
    return place.queue_time, place.sequence_number, str(opened.conversation_uuid)
