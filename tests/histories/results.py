"""What the service stored about a contact, in the oracle's form."""

from datetime import UTC, datetime
from typing import Any

from apps.analytics.models import SurveyAnswer
from apps.conversations.models import Conversation
from apps.messages.versions import Document
from tests.histories.expectations import DELETED
from tests.histories.stored import Stored

FOREVER = datetime.max.replace(tzinfo=UTC)


def result_of(stored: Stored) -> dict[str, Any]:
    """Return what became of the contact."""
    return {
        "conversations": {
            stored.names[one.uuid]: _state(one, stored.transcripts[one.uuid])
            for one in stored.conversations
        },
        "homeless": sorted(map(_answer_state, stored.homeless)),
        "lake": sorted((one.payload["key"], one.payload["value"]) for one in stored.outbox),
    }


def _state(one: Conversation, transcript: list[Document]) -> dict[str, Any]:
    return {
        "opened_at": one.opened_at,
        "spans": sorted((span.opened_at, span.ended_at or FOREVER) for span in one.spans.all()),
        "resolution": one.resolution,
        "name": one.contact_name,
        "external_id": one.external_id,
        "is_taken_over": one.has_chats_room,
        "answers": sorted(map(_answer_state, one.survey_answers.all())),
        "csat": one.csat,
        "nps": one.nps,
        "transcript": [
            (document["event_type"].rpartition(".")[2], document["id"], _bodies(document))
            for document in transcript
        ],
    }


def _bodies(document: Document) -> list[str]:
    if "deleted" in document:
        return [DELETED]
    return [str(_body_of(version)) for version in (document, *document.get("edits", ()))]


def _body_of(version: Document) -> tuple[str, ...]:
    message, data = version["message"], version.get("extra", {}).get("data", {})
    return (
        version["correlation_id"],
        message["text"],
        message["created_at"],
        message["contact_name"],
        "".join(message.get("attachments", [])),
        data.get("key", ""),
        data.get("value", ""),
    )


def _answer_state(answer: SurveyAnswer) -> tuple[str, str, str, str, bool]:
    counts = not answer.is_replaced and not answer.problem
    return (answer.key, answer.message_id, answer.value, str(answer.score), counts)
