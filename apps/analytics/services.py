"""Recording survey answers."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from django.conf import settings
from django.db import transaction

from apps.analytics import datalake
from apps.analytics.models import OutboxEvent, SurveyAnswer
from apps.common.compiled_queries import CompiledQuery, Parameter
from apps.common.lossless_json import dump
from apps.conversations.attribution import ensure_project
from apps.conversations.contacts import OF_CONTACT, Contact
from apps.conversations.erasing import ContactErased, is_erased
from apps.conversations.models import Conversation
from apps.conversations.places import place_at, time_of
from apps.conversations.scores import CSAT_KEY, NPS_KEY
from apps.conversations.spans import lock_contact, opening_of
from celery_sqs_fifo.place import Place

_SCORE_FIELDS = {CSAT_KEY: "csat", NPS_KEY: "nps"}
_LOCKED = CompiledQuery(
    lambda: Conversation.objects.select_for_update().filter(uuid=Parameter("conversation"))
)
_OF_CONVERSATION = CompiledQuery(
    lambda: SurveyAnswer.objects.filter(
        **OF_CONTACT,
        conversation_id=Parameter("conversation"),
        identity=Parameter("identity"),
    )
)
_WITHOUT_CONVERSATION = CompiledQuery(
    lambda: SurveyAnswer.objects.filter(
        **OF_CONTACT, conversation=None, identity=Parameter("identity")
    )
)
_OTHERS_THAT_COUNT = CompiledQuery(
    lambda: SurveyAnswer.objects.filter(
        conversation_id=Parameter("conversation"),
        key=Parameter("key"),
        is_replaced=False,
        problem="",
    ).exclude(pk=Parameter("answer"))
)
_EVENT_IDS = UUID("5b0f6b0e-5f5c-4d3e-9a53-0f0f54b1c1a7")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class NewAnswer:
    """An answer to record.

    `message` is the chat message of its event; None if the message has no text and the source
    "system", because it only carries the answer.
    """

    contact: Contact
    conversation_uuid: UUID | None
    place: Place
    message_id: str
    key: str
    value: str
    score: int | None
    problem: str
    message: dict[str, Any] | None
    correlation_id: str


def identity_of(*, key: str, message_id: str, value: str) -> str:
    """Return the hash of key, message id and value, which identify an answer in a conversation.

    JSON delimits the three parts, so that a separator within a part cannot make two different
    answers equal.
    """
    return hashlib.sha256(dump([key, message_id, value]).encode()).hexdigest()


def record_answer(*, answer: NewAnswer, now: datetime) -> bool:
    """Record an answer, its conversation's score and its outbox event. Return whether it is new.

    If the same answer comes again at a later place, its row takes that place. Of the answers with
    the same key in a conversation, the one with the newest place counts, in whatever order they
    arrive; so does the newest one from before each reopening. An answer with a `problem` never
    counts. Any other answer without a conversation counts. Each time that an answer begins to
    count, one event for the data lake is added, if there is a lake. If the conversation has been
    deleted, the answer is recorded without a conversation. Raise ContactErased if the event was
    queued before its contact was erased.
    """
    contact = answer.contact
    with transaction.atomic():
        lock_contact(contact)
        conversation = _locked(answer.conversation_uuid) if answer.conversation_uuid else None
        # Checked under the lock of the contact, which an erasure holds until it commits.
        if is_erased(project_uuid=contact.project_uuid, urn=contact.urn, place=answer.place):
            raise ContactErased
        row, created = _get_or_create(answer, conversation)
        if not created and not place_of(row) < answer.place:
            return False
        if not created:
            _set_place(row, answer.place)
        if not row.problem and _begins_to_count(row, conversation, created=created):
            _publish(row, conversation, now=now)
    return created


def remove_text(*, contact: Contact, message_id: str, since: datetime, until: datetime) -> None:
    """Remove the text of a message that came with answers and belongs to no conversation.

    Answers that were queued before `since` or after `until` keep it: message ids begin anew with
    each session on some platforms.
    """
    SurveyAnswer.objects.filter(
        project_id=contact.project_uuid,
        channel_uuid=contact.channel_uuid,
        contact_urn=contact.urn,
        conversation=None,
        message_id=message_id,
        answered_at__range=(since, until),
    ).exclude(message=None).update(message=None)


def event_id(answer: SurveyAnswer) -> UUID:
    """Return the id of the event for the data lake about an answer at its current place.

    The same answer at the same place always has the same id, so that the lake can drop repeats.
    JSON delimits the parts of what is hashed.
    """
    return uuid5(
        _EVENT_IDS,
        dump(
            [
                str(answer.project_id),
                str(answer.channel_uuid),
                answer.contact_urn,
                str(answer.conversation_id or ""),
                answer.identity,
                str(place_of(answer)),
            ]
        ),
    )


def place_of(answer: SurveyAnswer) -> Place:
    """Return the place of the newest event of an answer."""
    return place_at(
        queue_time=answer.answered_at,
        sequence_number=int(answer.sequence_number),
        group=answer.group_id,
    )


def _locked(conversation_uuid: UUID) -> Conversation | None:
    """Lock and return a conversation, or return None if it was deleted."""
    return _LOCKED.first(conversation=conversation_uuid)


def _get_or_create(
    answer: NewAnswer, conversation: Conversation | None
) -> tuple[SurveyAnswer, bool]:
    """Return the row of an answer, and whether it is new. The caller holds the contact's lock."""
    contact = answer.contact
    identity = identity_of(key=answer.key, message_id=answer.message_id, value=answer.value)
    if conversation:
        row = _OF_CONVERSATION.first(
            **contact.parameters, conversation=conversation.uuid, identity=identity
        )
    else:
        row = _WITHOUT_CONVERSATION.first(**contact.parameters, identity=identity)
    if row:
        return row, False
    if conversation is None:
        ensure_project(contact.project_uuid)
    new = SurveyAnswer.objects.create(
        project_id=contact.project_uuid,
        channel_uuid=contact.channel_uuid,
        contact_urn=contact.urn,
        conversation=conversation,
        identity=identity,
        message_id=answer.message_id,
        key=answer.key,
        value=answer.value,
        score=answer.score,
        problem=answer.problem,
        message=None if conversation else answer.message,
        answered_at=time_of(answer.place),
        sequence_number=answer.place.sequence_number,
        group_id=answer.place.group,
        correlation_id=answer.correlation_id,
    )
    return new, True


def _set_place(answer: SurveyAnswer, place: Place) -> None:
    answer.answered_at = time_of(place)
    answer.sequence_number = place.sequence_number
    answer.group_id = place.group
    answer.save(update_fields=["answered_at", "sequence_number", "group_id"])


def _begins_to_count(
    answer: SurveyAnswer, conversation: Conversation | None, *, created: bool
) -> bool:
    """Return whether an answer counts at its new place and did not count before.

    Mark the answer that it replaces, and update the score of the conversation.
    """
    if conversation is None:
        return created
    others = _OTHERS_THAT_COUNT.all(
        conversation=conversation.uuid, key=answer.key, answer=answer.pk
    )
    rival = _between_the_same_reopenings(answer, others, conversation)
    if rival and place_of(answer) < place_of(rival):
        SurveyAnswer.objects.filter(pk=answer.pk).update(is_replaced=True)
        return False
    if rival:
        SurveyAnswer.objects.filter(pk=rival.pk).update(is_replaced=True)
    if answer.is_replaced:
        SurveyAnswer.objects.filter(pk=answer.pk).update(is_replaced=False)
    is_newest = not any(place_of(answer) < place_of(other) for other in others)
    if answer.key in _SCORE_FIELDS and is_newest:
        setattr(conversation, _SCORE_FIELDS[answer.key], answer.score)
        conversation.save(update_fields=[_SCORE_FIELDS[answer.key]])
    return created or answer.is_replaced or rival is not None


def _between_the_same_reopenings(
    answer: SurveyAnswer, others: Sequence[SurveyAnswer], conversation: Conversation
) -> SurveyAnswer | None:
    """Return which of the other answers was given between the same reopenings, or None.

    An answer from before a reopening is never replaced, because that would change the figures of
    a past day.
    """
    if not others:
        return None
    # Queue times may fall, but the sequence numbers of the conversation's group rise.
    openings = conversation.spans.filter(of_span=None).order_by("opened_sequence")
    reopenings = [opening_of(span) for span in openings[1:]]

    def before(one: SurveyAnswer) -> int:
        return sum(not place_of(one) < reopening for reopening in reopenings)

    return next((one for one in others if before(one) == before(answer)), None)


def _publish(answer: SurveyAnswer, conversation: Conversation | None, *, now: datetime) -> None:
    """Add an event to the outbox, and its id to the answer, unless there is no lake."""
    if datalake.is_off():
        return
    identifier = event_id(answer)
    OutboxEvent.objects.create(
        event_id=identifier,
        answer=answer,
        payload=_lake_event(answer, conversation),
        created_at=now,
    )
    answer.lake_event_ids = [*answer.lake_event_ids, identifier]
    answer.save(update_fields=["lake_event_ids"])


def _lake_event(answer: SurveyAnswer, conversation: Conversation | None) -> dict[str, Any]:
    agents = {CSAT_KEY: settings.AGENT_UUID_CSAT, NPS_KEY: settings.AGENT_UUID_NPS}
    return {
        "event_id": str(event_id(answer)),
        "event_name": "weni_nexus_data",
        "date": answer.answered_at.isoformat(),
        "project": str(answer.project_id),
        "contact_urn": answer.contact_urn,
        "key": answer.key,
        "value_type": "string",
        "value": answer.value,
        "metadata": {
            "conversation_uuid": str(conversation.uuid) if conversation else None,
            "conversation_start_date": conversation.opened_at.isoformat() if conversation else None,
            "conversation_end_date": (
                conversation.ended_at.isoformat()
                if conversation and conversation.ended_at
                else None
            ),
            "agent_uuid": agents.get(answer.key),
        },
    }
