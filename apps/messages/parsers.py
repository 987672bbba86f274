"""Functions that make events from validated wire models, one for each event type."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from apps.common.errors import InvalidEvent
from apps.conversations.models import CSAT_KEY, NPS_KEY, Resolution
from apps.conversations.services import WindowUpdate
from apps.messages.entries import MessageEntry, content_hash
from apps.messages.events import Arrival, CloseEvent, MessageEvent, SurveyAnswer, WindowEvent
from apps.messages.wire import WireClose, WireMessage, WireWindow

SCORES = {CSAT_KEY: range(1, 6), NPS_KEY: range(11)}

IDENTITY_FIELDS = frozenset({"project_uuid", "channel_uuid", "contact_urn", "message"})


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class RawEvent:
    """An event's JSON, escaped (see apps.common.lossless_json), with its type and arrival."""

    document: dict[str, Any]
    event_type: str
    arrival: Arrival


def received_message(wire: WireMessage, raw: RawEvent) -> MessageEvent:
    """Return the event of a message from the contact, which may be a survey answer.

    Raises InvalidEvent.
    """
    return _message(wire, raw, from_contact=True, answer=_survey_answer(wire))


def sent_message(wire: WireMessage, raw: RawEvent) -> MessageEvent:
    """Return the event of a message to the contact. Raises InvalidEvent."""
    return _message(wire, raw, from_contact=False, answer=None)


def window(wire: WireWindow, raw: RawEvent) -> WindowEvent:
    """Return the event of a conversation window."""
    return WindowEvent(
        event_type=raw.event_type,
        arrival=raw.arrival,
        correlation_id=wire.correlation_id,
        contact=wire.data.contact,
        window=WindowUpdate(external_id=wire.data.external_id, contact_name=wire.data.name),
        has_chats_room=wire.data.has_chats_room,
    )


def close(wire: WireClose, raw: RawEvent) -> CloseEvent:
    """Return the event of a close."""
    return CloseEvent(
        event_type=raw.event_type,
        arrival=raw.arrival,
        correlation_id=wire.correlation_id,
        contact=wire.data.contact,
        resolution=Resolution(wire.data.resolution),
    )


def _message(
    wire: WireMessage, raw: RawEvent, *, from_contact: bool, answer: SurveyAnswer | None
) -> MessageEvent:
    message = wire.data.message
    at = _message_time(message.created_at, arrival=raw.arrival)
    only_an_answer = bool(answer) and not message.text and message.source == "system"
    raw_message = raw.document["data"]["message"]
    entry = MessageEntry(
        message_id=message.id,
        at=at,
        sequence_number=raw.arrival.sequence_number,
        event_type=raw.event_type,
        correlation_id=wire.correlation_id,
        content_hash=content_hash(event_type=raw.event_type, message=raw_message),
        message=raw_message,
        extra=_extra(raw.document),
    )
    return MessageEvent(
        event_type=raw.event_type,
        arrival=raw.arrival,
        correlation_id=wire.correlation_id,
        contact=wire.data.contact,
        message_id=message.id,
        at=at,
        from_contact=from_contact,
        contact_name=message.contact_name,
        entry=None if only_an_answer else entry,
        answer=answer,
    )


def _message_time(created_at: str, *, arrival: Arrival) -> datetime:
    """Return the message's time in UTC, or the queue time if it has none.

    The present time would differ on a redelivery. Raises InvalidEvent for a malformed time.
    """
    if not created_at:
        return arrival.sent_at
    try:
        at = datetime.fromisoformat(created_at)
        if at.utcoffset() is None:
            raise ValueError("no offset")
        return at.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidEvent(
            "malformed_field",
            "data.message.created_at is not an ISO 8601 time with Z or an offset",
        ) from error


def _survey_answer(wire: WireMessage) -> SurveyAnswer | None:
    key = wire.data.key or wire.key
    if not key:
        return None
    value = wire.data.value or wire.value
    scores = SCORES.get(key)
    if scores is None:
        return SurveyAnswer(key=key, value=value, score=None)
    if value.strip() not in map(str, scores):
        raise InvalidEvent(
            "score_out_of_range",
            f"the value of {key} is not a whole number from {scores[0]} to {scores[-1]}",
        )
    return SurveyAnswer(key=key, value=value, score=int(value))


def _extra(document: dict[str, Any]) -> dict[str, Any]:
    """Return all fields that no attribute of MessageEntry holds, so that none is lost."""
    data = {key: value for key, value in document["data"].items() if key not in IDENTITY_FIELDS}
    event = {
        key: value
        for key, value in document.items()
        if key not in ("event_type", "correlation_id", "data")
    }
    return {name: fields for name, fields in (("data", data), ("event", event)) if fields}
