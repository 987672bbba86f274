"""The events that chat platforms put on the queue, read from their JSON bodies."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import ValidationError

from apps.common.errors import InvalidEvent
from apps.common.lossless_json import parse
from apps.conversations.contacts import Contact
from apps.conversations.models import CSAT_KEY, NPS_KEY, Resolution
from apps.conversations.services import WindowUpdate
from apps.messages.entries import MessageEntry, content_hash
from apps.messages.wire import WireClose, WireMessage, WireWindow

SCORES = {CSAT_KEY: range(1, 6), NPS_KEY: range(11)}

IDENTITY_FIELDS = frozenset({"project_uuid", "channel_uuid", "contact_urn", "message"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """When and where an event entered the queue; the same on every delivery."""

    group_id: str
    sent_at: datetime
    sequence_number: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyAnswer:
    """A contact's answer; `score` is None for custom keys."""

    key: str
    value: str
    score: int | None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Event:
    """What all events have."""

    arrival: Arrival
    correlation_id: str
    contact: Contact

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.correlation_id})"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class MessageEvent(Event):
    """A message received from or sent to a contact, a survey answer, or both.

    `entry` is None where the message only carries an answer: it is no chat message then.
    """

    message_id: str
    at: datetime
    from_contact: bool
    contact_name: str
    entry: MessageEntry | None
    answer: SurveyAnswer | None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class WindowEvent(Event):
    """A conversation window; one with a chats room says that a human took over."""

    window: WindowUpdate
    has_chats_room: bool


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class CloseEvent(Event):
    """The platform closes the conversation."""

    resolution: Resolution


def parse_event(*, body: str, arrival: Arrival) -> MessageEvent | WindowEvent | CloseEvent:
    """The event in a queue message's body.

    Raises InvalidEvent, with a sentence that quotes nothing personal, for a body that is no JSON
    object, an unknown type, or a required field that is missing or malformed.
    """
    document = _json_object(body)
    event_type = document.get("event_type")
    try:
        match event_type:
            case "message.received" | "message.sent":
                return _message_event(document=document, event_type=event_type, arrival=arrival)
            case "conversation.window":
                return _window_event(document=document, arrival=arrival)
            case "conversation.close":
                return _close_event(document=document, arrival=arrival)
            case _:
                raise InvalidEvent("unknown_event_type", "event_type is none that is known here")
    except ValidationError as error:
        raise _invalid(error) from error


def _json_object(body: str) -> dict[str, Any]:
    try:
        document = parse(body)
    except ValueError as error:
        raise InvalidEvent("not_json", "the body is not JSON") from error
    if not isinstance(document, dict):
        raise InvalidEvent("not_an_object", "the body is JSON, but not an object")
    return document


def _message_event(
    *,
    document: dict[str, Any],
    event_type: Literal["message.received", "message.sent"],
    arrival: Arrival,
) -> MessageEvent:
    wire = WireMessage.model_validate(document)
    message = wire.data.message
    at = _message_time(message.created_at, arrival=arrival)
    answer = _survey_answer(wire) if event_type == "message.received" else None
    only_an_answer = bool(answer) and not message.text and message.source == "system"
    raw_message = document["data"]["message"]
    entry = MessageEntry(
        message_id=message.id,
        at=at,
        sequence_number=arrival.sequence_number,
        event_type=event_type,
        correlation_id=wire.correlation_id,
        content_hash=content_hash(event_type=event_type, message=raw_message),
        message=raw_message,
        extra=_extra(document),
    )
    return MessageEvent(
        arrival=arrival,
        correlation_id=wire.correlation_id,
        contact=wire.data.contact,
        message_id=message.id,
        at=at,
        from_contact=event_type == "message.received",
        contact_name=message.contact_name,
        entry=None if only_an_answer else entry,
        answer=answer,
    )


def _window_event(*, document: dict[str, Any], arrival: Arrival) -> WindowEvent:
    wire = WireWindow.model_validate(document)
    return WindowEvent(
        arrival=arrival,
        correlation_id=wire.correlation_id,
        contact=wire.data.contact,
        window=WindowUpdate(external_id=wire.data.external_id, contact_name=wire.data.name),
        has_chats_room=wire.data.has_chats_room,
    )


def _close_event(*, document: dict[str, Any], arrival: Arrival) -> CloseEvent:
    wire = WireClose.model_validate(document)
    return CloseEvent(
        arrival=arrival,
        correlation_id=wire.correlation_id,
        contact=wire.data.contact,
        resolution=Resolution(wire.data.resolution),
    )


def _message_time(created_at: str, *, arrival: Arrival) -> datetime:
    """A missing time is the time of queueing: never now, which differs on a redelivery."""
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
    """Every field that the entry has no place of its own for, so that nothing is dropped."""
    data = {key: value for key, value in document["data"].items() if key not in IDENTITY_FIELDS}
    event = {
        key: value
        for key, value in document.items()
        if key not in ("event_type", "correlation_id", "data")
    }
    return {name: fields for name, fields in (("data", data), ("event", event)) if fields}


def _invalid(error: ValidationError) -> InvalidEvent:
    first, *others = error.errors(include_url=False, include_context=False)
    field = ".".join(str(part) for part in first["loc"])
    says_nothing = first["type"] == "missing" or first["input"] in (None, "")
    if field == "data.channel_uuid" and says_nothing:
        return InvalidEvent(
            "no_channel_uuid", "data.channel_uuid is missing: without it no conversation can open"
        )
    # Pydantic's own sentence on a UUID quotes a part of it.
    problem = "is not a UUID" if first["type"].startswith("uuid") else first["msg"]
    more = f" (and {len(others)} more)" if others else ""
    reason = "missing_field" if first["type"] == "missing" else "malformed_field"
    return InvalidEvent(reason, f"{field}: {problem}{more}")
