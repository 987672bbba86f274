"""Attribution of events with a survey answer: decided once, for the answer and its text."""

from datetime import timedelta
from typing import Any

from django.db import connection, transaction

from apps.conversations import attributed_events, noted_places, spans
from apps.conversations.attributed_events import Decided
from apps.conversations.attribution import Attribution, ensure_project
from apps.conversations.contacts import Contact
from apps.conversations.erasing import is_erased
from apps.conversations.models import Conversation, Resolution
from apps.conversations.places import time_of
from apps.conversations.span_models import Span
from celery_sqs_fifo.place import Place

MAX_ANSWER_DELAY = timedelta(days=7)

_NOTE_WRITTEN = """
UPDATE conversations_conversation AS home
SET written_at = %(at)s, written_sequence = %(sequence)s, written_group = %(group)s
WHERE uuid = %(conversation)s
    AND conversations_is_first_v1(home, %(at)s, %(sequence)s, %(group)s)
"""


@transaction.atomic
def attribute_answer(
    *, contact: Contact, place: Place, has_text_of_contact: bool, contact_name: str
) -> Attribution | None:
    """Return the attribution of an event with an answer. Without a conversation it has no uuid.

    If the contact had already written in the conversation that was open at the event's place, the
    answer belongs to this conversation. Otherwise it belongs to the last conversation that ended
    within the 7 days before the place or, without such a conversation, to the one that was open.
    The first run of an event stores the decision, and later runs read it. No conversation is
    opened. A conversation without a name takes `contact_name`. Return None if the event was queued
    before its contact was erased.
    """
    spans.lock_contact(contact)
    if is_erased(project_uuid=contact.project_uuid, urn=contact.urn, place=place):
        return None
    if known := attributed_events.find(contact, place):
        return _attribution(known, place)
    containing = spans.at(contact, place)
    conversation = _decide(
        contact, place, open_then=containing.conversation if containing else None
    )
    if conversation is None:
        ensure_project(contact.project_uuid)
        attributed_events.store(contact, place, None)
        return _attribution(Decided(None, None, None), place)
    _store(contact, place, conversation, contact_name=contact_name)
    if has_text_of_contact:
        _note_text(conversation, place, containing=containing)
    return _attribution(
        Decided(conversation.uuid, conversation.group_id, conversation.resolution), place
    )


@transaction.atomic
def restore_decision(
    *, contact: Contact, place: Place, conversation: Conversation, contact_name: str
) -> None:
    """Store again that the event at a place belongs to this conversation, where its text is.

    It has a text of the contact. Change nothing if a decision is stored, or if the event was queued
    before its contact was erased.
    """
    spans.lock_contact(contact)
    if is_erased(project_uuid=contact.project_uuid, urn=contact.urn, place=place):
        return
    if attributed_events.find(contact, place):
        return
    _store(contact, place, conversation, contact_name=contact_name)
    _note_text(conversation, place, containing=spans.at(contact, place))


def _store(
    contact: Contact, place: Place, conversation: Conversation, *, contact_name: str
) -> None:
    attributed_events.store(contact, place, conversation)
    if contact_name and not conversation.contact_name:
        without_name = Conversation.objects.filter(pk=conversation.pk, contact_name="")
        without_name.update(contact_name=contact_name)


def _note_text(conversation: Conversation, place: Place, *, containing: Span | None) -> None:
    _note_written(conversation, place)
    if containing and containing.conversation == conversation:
        spans.extend(containing, place)


def _decide(
    contact: Contact, place: Place, *, open_then: Conversation | None
) -> Conversation | None:
    if open_then and _had_written(open_then, place):
        return open_then
    return _ended_before(contact, place) or open_then


def _ended_before(contact: Contact, place: Place) -> Conversation | None:
    """Return the conversation that ended last, within 7 days before a place."""
    span = spans.last_ended_before(contact, place)
    if span is None or spans.end_time(span) < time_of(place) - MAX_ANSWER_DELAY:
        return None
    return span.conversation


def _had_written(conversation: Conversation, place: Place) -> bool:
    written = noted_places.written(conversation)
    return written is not None and written < place


def _note_written(conversation: Conversation, place: Place) -> None:
    """Store the place of a message from the contact, unless an earlier one is stored."""
    values: dict[str, Any] = {
        "at": time_of(place),
        "sequence": place.sequence_number,
        "group": place.group,
        "conversation": conversation.pk,
    }
    with connection.cursor() as cursor:
        cursor.execute(_NOTE_WRITTEN, values)


def _attribution(decided: Decided, place: Place) -> Attribution:
    if decided.conversation_uuid is None:
        return Attribution(conversation_uuid=None, late=False)
    return Attribution(
        conversation_uuid=decided.conversation_uuid,
        late=decided.resolution != Resolution.IN_PROGRESS,
        home=decided.group_id or "",
        foreign_group=decided.group_id != place.group,
    )
