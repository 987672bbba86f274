"""What a worker would do with an event, as far as the event alone decides it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any, assert_never

from django.conf import settings

from apps.common.clock import now
from apps.common.errors import InvalidEvent
from apps.common.lossless_json import decode
from apps.conversations.places import place_at, time_of
from apps.messages.chat.timeline import SURVEYS
from apps.messages.entries import timestamp
from apps.messages.events import (
    AnyEvent,
    CloseEvent,
    DeletionEvent,
    MessageEvent,
    StatusEvent,
    SurveyAnswer,
    WindowEvent,
)
from apps.messages.reading import parse_event
from tasks.event_rules import RULES


class UnreadableLine(ValueError):
    """A line of a file is no message for SQS. The message says why."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What would become of an event. `reason` is "" unless it would be quarantined.

    `event_type` is "" if the event cannot be read.
    """

    event_type: str = ""
    reason: str = ""
    sentence: str


def split_events(lines: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Yield the events of a file, each with the number of its first line.

    Each line is an event. If the first line alone is not JSON, but the file is, the file is one
    event. Blank lines are skipped.
    """
    numbered: Iterator[tuple[int, str]] = (
        (number, line) for number, line in enumerate(lines, start=1) if line.strip()
    )
    first = next(numbered, None)
    if first is None:
        return
    if not _is_json(first[1]):
        rest = list(numbered)
        whole = "".join(line for _, line in (first, *rest))
        numbered = iter(rest)
        if _is_json(whole):
            first, numbered = (first[0], whole), iter(())
    yield from chain((first,), numbered)


def check_event(text: str) -> tuple[str, Verdict]:
    """Return the name and the verdict of an event: of a body, or of a message with a MessageBody.

    The message has the form of an entry of SendMessageBatch. Its `name`, if it has one, is
    returned. Raise UnreadableLine.
    """
    message = _message_in(text)
    attributes = _texts(message.get("MessageAttributes"))
    return str(message.get("name", "")), _verdict(message["MessageBody"], attributes)


def _is_json(text: str) -> bool:
    try:
        decode(text)
    except ValueError:
        return False
    return True


def _message_in(text: str) -> Mapping[str, Any]:
    try:
        document = decode(text)
    except ValueError:
        document = None
    if not isinstance(document, dict) or "MessageBody" not in document:
        return {"MessageBody": text}
    if not isinstance(document["MessageBody"], str):
        raise UnreadableLine("MessageBody is not a text; write the event as a JSON string")
    return document


def _texts(attributes: Any) -> dict[str, str]:
    """Return the texts of message attributes in the form of SendMessage. Raise UnreadableLine."""
    match attributes:
        case None:
            return {}
        case dict():
            texts = {name: _text(name, attribute) for name, attribute in attributes.items()}
            return {name: text for name, text in texts.items() if text is not None}
    raise UnreadableLine("MessageAttributes is not an object with an object for each attribute")


def _text(name: str, attribute: Any) -> str | None:
    """Return the text of a message attribute, or None if it is binary. Raise UnreadableLine."""
    match attribute:
        case {"StringValue": str(text)}:
            return text
        case {"BinaryValue": str()}:
            return None
    raise UnreadableLine(
        f'the message attribute {name} has no text; write {{"DataType": "String", '
        '"StringValue": "…"}'
    )


def _verdict(body: str, attributes: Mapping[str, str]) -> Verdict:
    if _is_celery_message(body, attributes):
        return Verdict(
            reason="not_allowed",
            sentence="this is a Celery message, and only the service itself may send those",
        )
    # Only the queue time matters here. SQS assigns the rest.
    place = place_at(queue_time=now(), sequence_number=1, group="events-check")
    try:
        event = parse_event(body=body, attributes=attributes, place=place)
    except InvalidEvent as invalid:
        return Verdict(reason=invalid.reason, sentence=str(invalid))
    return Verdict(event_type=event.event_type, sentence=effect(event))


def _is_celery_message(body: str, attributes: Mapping[str, str]) -> bool:
    try:
        document = RULES.parse(body, attributes)
    except ValueError:
        return False
    match document:
        case {"headers": {"task": str()}}:
            return not RULES.is_event(document)
    return False


def effect(event: AnyEvent) -> str:
    """Return what the worker does with an event."""
    match event:
        case MessageEvent():
            return _message(event)
        case DeletionEvent():
            return f"removes the content of a {event.direction} message"
        case StatusEvent():
            is_kept = settings.KEEPS_MESSAGE_STATUSES and event.can_be_kept
            return "counted, and kept with its message" if is_kept else "counted, and dropped"
        case WindowEvent(has_chats_room=True):
            return "a human takes over: closes the conversation in progress, or marks the last one"
        case WindowEvent():
            return "stored with the conversation in progress, or opens one"
        case CloseEvent():
            resolution = event.resolution.label.lower()
            return f"closes the conversation in progress as {resolution}"
        case unhandled:
            assert_never(unhandled)


def _message(event: MessageEvent) -> str:
    parts = []
    if event.entry:
        at = _time(event.at, stamped=event.entry.stamped, queue_time=time_of(event.place))
        parts.append(f"stored, {at}")
    if event.answer:
        parts.append(_answer(event.answer))
    if not event.entry:
        parts.append("not part of the transcript")
    return "; ".join(parts)


def _time(at: datetime, *, stamped: str, queue_time: datetime) -> str:
    if stamped:
        return f"at its queue time, because {stamped} is not plausible"
    return "at its queue time" if at == queue_time else f"at {timestamp(at)}"


def _answer(answer: SurveyAnswer) -> str:
    survey = SURVEYS.get(answer.key)
    if survey is None:
        return "an answer to another question"
    if answer.score is None:
        return f"{survey} answer without a score: {answer.problem}"
    return f"{survey} score {answer.score}"
