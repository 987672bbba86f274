"""Recording survey answers."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from django.conf import settings
from django.db import transaction

from apps.analytics.models import OutboxEvent, SurveyAnswer
from apps.conversations.attribution import ensure_project
from apps.conversations.contacts import Contact
from apps.conversations.erasing import ContactErased, is_erased
from apps.conversations.models import CSAT_KEY, NPS_KEY, Conversation

_SCORE_FIELDS = {CSAT_KEY: "csat", NPS_KEY: "nps"}
_EVENT_IDS = UUID("5b0f6b0e-5f5c-4d3e-9a53-0f0f54b1c1a7")


def record_answer(
    *,
    contact: Contact,
    message_id: str,
    conversation_uuid: UUID | None,
    key: str,
    value: str,
    score: int | None,
    answered_at: datetime,
    sent_at: datetime,
    sequence_number: str,
    correlation_id: str,
    now: datetime,
) -> bool:
    """Record an answer, its conversation's score and its outbox event; return whether it is new.

    An answer that was recorded before changes nothing. The score of a conversation is that of its
    newest answer, in whatever order answers arrive. If the conversation has been deleted, the
    answer has none. Raises ContactErased if the event was first queued, at `sent_at`, before its
    contact was erased.
    """
    ensure_project(contact.project_uuid)
    with transaction.atomic():
        conversation = _locked(conversation_uuid) if conversation_uuid else None
        # Checked under the lock, because an erasure holds it until it commits.
        if is_erased(project_uuid=contact.project_uuid, urn=contact.urn, sent_at=sent_at):
            raise ContactErased
        answer, created = SurveyAnswer.objects.get_or_create(
            project_id=contact.project_uuid,
            channel_uuid=contact.channel_uuid,
            contact_urn=contact.urn,
            message_id=message_id,
            defaults={
                "conversation": conversation,
                "key": key,
                "value": value,
                "score": score,
                "answered_at": answered_at,
                "sequence_number": sequence_number,
                "correlation_id": correlation_id,
            },
        )
        if created:
            if conversation:
                _apply_newest_answer(conversation, key)
            OutboxEvent.objects.create(
                event_id=event_id(answer),
                answer=answer,
                payload=_lake_event(answer, conversation),
                created_at=now,
            )
    return created


def event_id(answer: SurveyAnswer) -> UUID:
    """Return the event id of an answer, always the same, so that the lake can drop repeats."""
    parts = (answer.project_id, answer.channel_uuid, answer.contact_urn, answer.message_id)
    return uuid5(_EVENT_IDS, "\n".join(map(str, parts)))


def _locked(conversation_uuid: UUID) -> Conversation | None:
    """Lock a conversation, because its answers may arrive in two groups at once."""
    return Conversation.objects.select_for_update().filter(uuid=conversation_uuid).first()


def _apply_newest_answer(conversation: Conversation, key: str) -> None:
    """Mark all but the newest answer with this key as replaced, and update the score."""
    answers = conversation.survey_answers.filter(key=key)
    newest = answers.order_by("-answered_at", "-sequence_number")[0]
    answers.exclude(pk=newest.pk).filter(is_replaced=False).update(is_replaced=True)
    if key in _SCORE_FIELDS:
        setattr(conversation, _SCORE_FIELDS[key], newest.score)
        conversation.save(update_fields=[_SCORE_FIELDS[key]])


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
            "conversation_start_date": conversation.started_at.isoformat()
            if conversation
            else None,
            "conversation_end_date": (
                conversation.ended_at.isoformat()
                if conversation and conversation.ended_at
                else None
            ),
            "agent_uuid": agents.get(answer.key),
        },
    }
