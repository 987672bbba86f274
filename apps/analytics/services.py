"""Recording survey answers."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from django.conf import settings
from django.db import transaction

from apps.analytics.models import OutboxEvent, SurveyAnswer
from apps.conversations.attribution import ensure_project
from apps.conversations.contacts import Contact
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
    sequence_number: str,
    correlation_id: str,
    now: datetime,
) -> bool:
    """Record an answer once: its row, the conversation's score and the lake's event together.

    Gives False, and changes nothing, for an answer that was recorded before. The score on a
    conversation is that of its newest answer, whatever the order in which they come.
    """
    ensure_project(contact.project_uuid)
    with transaction.atomic():
        # The lock orders two answers of one conversation that come by different groups.
        locked = Conversation.objects.select_for_update()
        conversation = locked.get(uuid=conversation_uuid) if conversation_uuid else None
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
            if conversation and key in _SCORE_FIELDS:
                _write_score(conversation, key)
            OutboxEvent.objects.create(
                event_id=_event_id(answer),
                answer=answer,
                payload=_lake_event(answer, conversation),
                created_at=now,
            )
    return created


def _write_score(conversation: Conversation, key: str) -> None:
    newest = conversation.survey_answers.filter(key=key).order_by(
        "-answered_at", "-sequence_number"
    )
    field = _SCORE_FIELDS[key]
    setattr(conversation, field, newest.values_list("score", flat=True)[0])
    conversation.save(update_fields=[field])


def _event_id(answer: SurveyAnswer) -> UUID:
    """The same for the same answer, always, so that the lake can drop what it has."""
    parts = (answer.project_id, answer.channel_uuid, answer.contact_urn, answer.message_id)
    return uuid5(_EVENT_IDS, "\n".join(map(str, parts)))


def _lake_event(answer: SurveyAnswer, conversation: Conversation | None) -> dict[str, Any]:
    agents = {CSAT_KEY: settings.AGENT_UUID_CSAT, NPS_KEY: settings.AGENT_UUID_NPS}
    return {
        "event_id": str(_event_id(answer)),
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
