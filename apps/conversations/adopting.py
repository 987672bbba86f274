"""Opening a conversation again under its former uuid, after PostgreSQL was restored.

A contact has one conversation in progress. So a conversation that opened shows that the one before
it had been closed, although the event that closed it is lost.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from django.db import transaction

from apps.conversations import open_spans, services, spans
from apps.conversations.attribution import IncomingMessage, find_or_open
from apps.conversations.erasing import is_erased
from apps.conversations.models import Conversation, Resolution
from apps.conversations.spans import NewestMessage
from celery_sqs_fifo.place import Place


class Adoption(StrEnum):
    """What became of a conversation that has no row.

    OPENED: it has a row again. ELSEWHERE: the place of its first event belongs to another
    conversation by now. ERASED: its contact was erased after that place.
    """

    OPENED = "opened"
    ELSEWHERE = "elsewhere"
    ERASED = "erased"


@dataclass(frozen=True, slots=True, kw_only=True)
class Adopted:
    """What became of the conversation, and which earlier conversation was closed, if any."""

    adoption: Adoption
    closed: UUID | None = None


@transaction.atomic
def adopt(
    *,
    conversation_uuid: UUID,
    opening: IncomingMessage,
    newest: NewestMessage | None,
    now: datetime,
) -> Adopted:
    """Open the conversation that the event `opening` had opened, unless it has a row.

    `newest` is the contact's conversation in progress with its newest message, or None if there is
    none. It is closed just before the event, as unclassified, if it opened earlier and has nothing
    later. Raise Contended if another conversation is in progress meanwhile.
    """
    spans.lock_contact(opening.contact)
    if Conversation.objects.filter(uuid=conversation_uuid).exists():
        return Adopted(adoption=Adoption.OPENED)
    contact = opening.contact
    if is_erased(project_uuid=contact.project_uuid, urn=contact.urn, place=opening.place):
        return Adopted(adoption=Adoption.ERASED)
    closed = None
    if _is_over(opening, newest):
        closed = services.end_in_progress(
            contact=contact,
            resolution=Resolution.UNCLASSIFIED,
            place=_just_before(opening.place),
            newest=newest,
            now=now,
        )
    (attribution,) = find_or_open([opening])
    is_opened = attribution.conversation_uuid == conversation_uuid
    return Adopted(
        adoption=Adoption.OPENED if is_opened else Adoption.ELSEWHERE,
        closed=closed.uuid if closed else None,
    )


def _is_over(opening: IncomingMessage, newest: NewestMessage | None) -> bool:
    """Return whether all that the conversation in progress has is before the opening."""
    in_progress = open_spans.lock_in_progress(opening.contact)
    if in_progress is None or newest is None:
        return False
    placed = [*in_progress.newest_foreign, *([newest.place] if newest.place else [])]
    return all(place < opening.place for place in placed)


def _just_before(place: Place) -> Place:
    return Place(place.queue_time, max(place.sequence_number - 1, 0), place.group)
