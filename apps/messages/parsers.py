"""Functions that make events from validated wire models, one for each event type."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
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
from apps.messages.times import NotATime, parse_time
from apps.messages.wire import WireClose, WireDeletion, WireMessage, WireStatus, WireWindow
from celery_sqs_fifo.place import Place

# A producer's time outside these bounds is a mistake of its clock.
EARLIEST_PLAUSIBLE = datetime(2000, 1, 1, tzinfo=UTC)
MAX_CLOCK_LEAD = timedelta(minutes=5)
# Producers write a time from here on, or one before EARLIEST_PLAUSIBLE, for a window without one.
NEVER = datetime(2100, 1, 1, tzinfo=UTC)

IDENTITY_FIELDS = frozenset({"project_uuid", "channel_uuid", "contact_urn", "message"})


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class RawEvent:
    """An event's JSON, escaped (see apps.common.lossless_json), with its type and place."""

    document: dict[str, Any]
    event_type: str
    place: Place


def received_message(wire: WireMessage, raw: RawEvent) -> MessageEvent:
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
    message = wire.data.message
    at, stamped = _message_time(message.created_at, queue_time=time_of(raw.place))
    only_an_answer = bool(answer) and not message.text and message.source == "system"
    raw_message = raw.document["data"]["message"]
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
        contact_name=message.contact_name,
        entry=None if only_an_answer else entry,
        answer=answer,
    )


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
        return queue_time, created_at
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
    return at if at and EARLIEST_PLAUSIBLE <= at < NEVER else None


def _survey_answer(wire: WireMessage) -> SurveyAnswer | None:
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
