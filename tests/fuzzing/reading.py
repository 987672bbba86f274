"""Reads one body as the main process and as a pool process do, and compares what they conclude."""

from collections.abc import Mapping
from typing import Any

from apps.common.errors import InvalidEvent
from apps.messages.event_types import CLOSING, goes_alone, is_barrier, kind_of
from apps.messages.events import (
    AnyEvent,
    CloseEvent,
    DeletionEvent,
    MessageEvent,
    StatusEvent,
    WindowEvent,
)
from apps.messages.reading import decode_event, parse_event
from tests.support.builders import place


def check_reading(*, body: str, attributes: Mapping[str, str]) -> None:
    """Raise AssertionError if the processes disagree, or whatever reading the body raises."""
    try:
        document = decode_event(body, attributes)
    except ValueError:
        document = None
    concluded = (is_barrier(document), goes_alone(document), kind_of(document))
    try:
        event = parse_event(body=body, attributes=attributes, place=place())
    except InvalidEvent:
        return
    assert document is not None, f"only a pool process can read {body!r}"
    assert _agree(event, *concluded), f"the main process concludes {concluded} from {body!r}"


def _agree(event: AnyEvent, barrier: bool, alone: bool, kind: Any) -> bool:
    """Return whether the main process has concluded what the event needs."""
    match event:
        case MessageEvent():
            # A message with an empty key has no answer, and may go alone.
            return not barrier and (alone or event.answer is None)
        case DeletionEvent():
            return alone and not barrier
        case StatusEvent():
            return not alone and not barrier
        case WindowEvent():
            return barrier and (kind == CLOSING) == event.has_chats_room
        case CloseEvent():
            return barrier and bool(kind == CLOSING)
