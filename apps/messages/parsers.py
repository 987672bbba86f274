"""Functions that make events from validated wire models, one for each event type."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from apps.common.errors import InvalidEvent
from apps.conversations.models import Resolution
from apps.conversations.places import time_of
from apps.conversations.scores import SCORES, NoScore, read_score
from apps.conversations.windows import WindowUpdate
from apps.messages.entries import MessageEntry
from apps.messages.events import (
    OTHER_STATUS,
    STATUSES,
    CloseEvent,
    DeletionEvent,
    MessageEvent,
    StatusEvent,
    SurveyAnswer,
    WindowEvent,
)
from apps.messages.fields import is_blank
from apps.messages.times import EARLIEST_PLAUSIBLE, NotATime, is_window_time, parse_time
from apps.messages.wire import (
    WireClose,
    WireDeletion,
    WireMessage,
    WireReceived,
    WireStatus,
    WireWindow,
)
from celery_sqs_fifo.place import Place

# A producer's time that is later than this after the queue time is a mistake of its clock.
MAX_CLOCK_LEAD = timedelta(minutes=5)

# The `source` of a dummy, a message that only carries a survey answer. Its `contact_name` may be
# the same word.
SYSTEM = "system"
FIELDS_OF_A_DUMMY = frozenset({"id", "message_id", "text", "source", "created_at", "contact_name"})

IDENTITY_FIELDS = frozenset({"project_uuid", "channel_uuid", "contact_urn", "message"})


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class RawEvent:
    """An event's JSON, escaped (see apps.common.lossless_json), with its type and place."""

    document: dict[str, Any]
    event_type: str
    place: Place


def received_message(wire: WireReceived, raw: RawEvent) -> MessageEvent:
    """Return the event of a message from the contact, which may be a survey answer.

    Raise InvalidEvent.
    """
    return _message(wire, raw, from_contact=True, answer=_survey_answer(wire))


def sent_message(wire: WireMessage, raw: RawEvent) -> MessageEvent:
    """Return the event of a message to the contact. Raise InvalidEvent."""
    return _message(wire, raw, from_contact=False, answer=None)


def deletion(wire: WireDeletion, raw: RawEvent) -> DeletionEvent:
    """Return the event of the deletion of a message."""
    return DeletionEvent(
        event_type=raw.event_type,
        place=raw.place,
        correlation_id=wire.correlation_id,
        contact=wire.data.contact,
        direction=wire.data.direction,
        message_id=wire.data.message.id,
    )


def status(wire: WireStatus, raw: RawEvent) -> StatusEvent:
    """Return the event of a delivery status."""
    name = wire.data.message.status.strip().lower()
    return StatusEvent(
        event_type=raw.event_type,
        place=raw.place,
        correlation_id=wire.correlation_id,
        contact=wire.data.contact,
        direction=wire.data.direction,
        message_id=wire.data.message.id,
        status=name if name in STATUSES else OTHER_STATUS,
    )


def window(wire: WireWindow, raw: RawEvent) -> WindowEvent:
    """Return the event of a conversation window. Raise InvalidEvent."""
    return WindowEvent(
        event_type=raw.event_type,
        place=raw.place,
        correlation_id=wire.correlation_id,
        contact=wire.data.contact,
        window=WindowUpdate(
            external_id=wire.data.external_id,
            contact_name=wire.data.name,
            start=_window_time(wire.data.start, field="data.start or data.start_date"),
            end=_window_time(wire.data.end, field="data.end or data.end_date"),
            ticket_uuid=wire.data.ticket_uuid,
            agent_uuid=wire.data.agent_uuid,
        ),
        has_chats_room=wire.data.has_chats_room,
    )


def close(wire: WireClose, raw: RawEvent) -> CloseEvent:
    """Return the event of a close."""
    return CloseEvent(
        event_type=raw.event_type,
        place=raw.place,
        correlation_id=wire.correlation_id,
        contact=wire.data.contact,
        resolution=Resolution(wire.data.resolution),
    )


def _message(
    wire: WireMessage, raw: RawEvent, *, from_contact: bool, answer: SurveyAnswer | None
) -> MessageEvent:
    message, name = wire.data.message, wire.data.message.contact_name
    at, stamped = _message_time(message.created_at, queue_time=time_of(raw.place))
    raw_message = raw.document["data"]["message"]
    is_of_system = message.source.strip().lower() == SYSTEM
    is_dummy = is_of_system and is_blank(message.text) and not _has_other_fields(raw_message)
    entry = MessageEntry(
        message_id=message.id,
        at=at,
        stamped=stamped,
        place=raw.place,
        event_type=raw.event_type,
        correlation_id=wire.correlation_id,
        message=raw_message,
        extra=_extra(raw.document),
    )
    return MessageEvent(
        event_type=raw.event_type,
        place=raw.place,
        correlation_id=wire.correlation_id,
        contact=wire.data.contact,
        message_id=message.id,
        at=at,
        from_contact=from_contact,
        contact_name="" if is_of_system and name.lower() == SYSTEM else name,
        entry=None if answer and is_dummy else entry,
        answer=answer,
    )


def _has_other_fields(message: dict[str, Any]) -> bool:
    """Return whether a message has a field that a dummy does not have, and that says something."""
    others = [value for name, value in message.items() if name not in FIELDS_OF_A_DUMMY]
    return any(value and not is_blank(value) for value in others)


def _message_time(created_at: str, *, queue_time: datetime) -> tuple[datetime, str]:
    """Return the message's time in the transcript, and `created_at` if it is not plausible.

    A producer's time is plausible from the year 2000 to five minutes after the queue time. For any
    other time and for a missing one, the queue time is used. The current time would differ on a
    redelivery. Raise InvalidEvent for a malformed time.
    """
    at = _time(created_at, field="data.message.created_at")
    if at is None:
        return queue_time, ""
    if at < EARLIEST_PLAUSIBLE or at > queue_time + MAX_CLOCK_LEAD:
        return queue_time, created_at.strip()
    return at, ""


def _time(text: str, *, field: str) -> datetime | None:
    """Return the time in a field, or None if it is blank. Raise InvalidEvent."""
    if is_blank(text):
        return None
    try:
        return parse_time(text)
    except NotATime as error:
        raise InvalidEvent("malformed_field", f"{field}: {error}") from error


def _window_time(text: str, *, field: str) -> datetime | None:
    """Return the start or end of a window, or None without one. Raise InvalidEvent."""
    at = _time(text, field=field)
    return at if at and is_window_time(at) else None


def _survey_answer(wire: WireReceived) -> SurveyAnswer | None:
    """Return the answer in `data` or, if `data` has no key, at the top level of the event.

    Return None if there is no key in either place. A score is stored as its digits, in whatever
    form it came. A value that is not a score is kept as it is, without a score and with the reason.
    """
    part = wire.data if wire.data.key else wire
    if not part.key:
        return None
    survey = part.key.lower()
    if survey not in SCORES:
        return SurveyAnswer(key=part.key, value=part.value, score=None)
    score = read_score(part.value, scores=SCORES[survey])
    if isinstance(score, NoScore):
        return SurveyAnswer(key=survey, value=part.value, score=None, problem=score)
    return SurveyAnswer(key=survey, value=str(score), score=score)


def _extra(document: dict[str, Any]) -> dict[str, Any]:
    """Return all fields that have no attribute in MessageEntry, so that none is lost."""
    data = {key: value for key, value in document["data"].items() if key not in IDENTITY_FIELDS}
    event = {
        key: value
        for key, value in document.items()
        if key not in ("event_type", "correlation_id", "data")
    }
    return {name: fields for name, fields in (("data", data), ("event", event)) if fields}
