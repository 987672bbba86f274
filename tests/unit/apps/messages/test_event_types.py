"""All code distinguishes event types by the registry. A type needs only an entry there."""

import ast
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from apps.common.errors import InvalidEvent
from apps.messages import parsers
from apps.messages.chat import Bubble, chat
from apps.messages.event_types import EVENT_TYPES, EventType, goes_alone, is_barrier, type_of
from apps.messages.events import MessageEvent
from apps.messages.parsers import RawEvent
from apps.messages.reading import parse_event
from apps.messages.wire import WireReceived
from celery_sqs_fifo import BatchItem
from observability.log_fields import event_fields, message_fields
from observability.metrics import counters
from tasks.steps import reading
from tests.support.builders import (
    HOME,
    close_body,
    message_body,
    place,
    queued_event,
    survey_body,
    window_body,
)
from tests.support.pages import ROOT

WHISPER = "message.whispered"
# JSON values of `event_type` that are not names.
NOT_NAMES: tuple[Any, ...] = ([], {}, 1, None)
SERVICE = ("apps", "config", "observability", "operations", "tasks")


class WireWhisper(WireReceived):
    """A message with an additional field."""

    volume: int


def whisper(wire: WireWhisper, raw: RawEvent) -> MessageEvent:
    """Return the event, with its volume in the contact name."""
    return replace(parsers.sent_message(wire, raw), contact_name=f"volume {wire.volume}")


@pytest.fixture
def _with_whispers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Add a type. Only the registry changes."""
    added: EventType[Any] = EventType(
        name=WHISPER,
        label="Whisper",
        wire=WireWhisper,
        parser=whisper,
        may_close=True,
        goes_alone=lambda document: document["volume"] == "1",
        from_contact=True,
    )
    monkeypatch.setitem(EVENT_TYPES, WHISPER, added)


def whispered(volume: Any = 1) -> str:
    """Return the JSON of a whisper."""
    return message_body(event_type=WHISPER, event={"volume": volume})


def parse_as_main_process(body: str) -> Any:
    """Parse JSON with numbers as text, as celery_sqs_fifo.running.envelope does."""
    return json.loads(body, parse_int=str, parse_float=str)


@pytest.mark.usefixtures("_with_whispers")
def test_a_new_type_is_read_by_its_own_model_and_parser() -> None:
    event = parse_event(body=whispered(), place=place())

    assert isinstance(event, MessageEvent)
    assert (event.event_type, event.contact_name) == (WHISPER, "volume 1")
    assert event.entry
    assert event.entry.event_type == WHISPER

    with pytest.raises(InvalidEvent) as caught:
        parse_event(body=whispered("loud"), place=place())
    assert caught.value.reason == "malformed_field"


@pytest.mark.usefixtures("_with_whispers")
def test_the_entry_of_a_new_type_decides_whether_it_is_a_barrier_and_goes_alone() -> None:
    quiet, loud = (parse_as_main_process(whispered(volume)) for volume in (1, 2))

    assert is_barrier(quiet)
    assert is_barrier(loud)
    assert goes_alone(quiet)
    assert not goes_alone(loud)


@pytest.mark.usefixtures("_with_whispers")
def test_a_new_type_is_named_in_logs_traces_and_metrics() -> None:
    item = BatchItem(queued_event(body=whispered()))
    before_it_is_read = event_fields(item)
    reading.read(item)

    document = parse_as_main_process(whispered())
    assert message_fields(group_id="g", event=document)["event_type"] == WHISPER
    assert before_it_is_read["event_type"] == event_fields(item)["event_type"] == WHISPER
    assert counters.event_type_of(item) == WHISPER


@pytest.mark.usefixtures("_with_whispers")
def test_a_new_type_is_in_transcripts_with_its_label_and_side() -> None:
    event = parse_event(body=whispered(), place=place())
    assert isinstance(event, MessageEvent)
    assert event.entry

    _day, bubble = chat(
        [event.entry.as_json(home=HOME)],
        timeline_entries=[],
        contact_name="Ana",
        zone=ZoneInfo("UTC"),
    )

    assert isinstance(bubble, Bubble)
    assert (bubble.label, bubble.is_of_contact) == ("Whisper", True)


def test_a_type_without_an_entry_is_unknown() -> None:
    document = parse_as_main_process(whispered())

    assert type_of(document) is None
    assert (is_barrier(document), goes_alone(document)) == (False, False)
    assert message_fields(group_id="g", event=document)["event_type"] == "unknown"
    with pytest.raises(InvalidEvent) as caught:
        parse_event(body=whispered(), place=place())
    assert caught.value.reason == "unknown_event_type"


@pytest.mark.parametrize(
    ("body", "barrier", "alone"),
    [
        (message_body(), False, False),
        (message_body(event_type="message.sent"), False, False),
        (survey_body(), False, True),
        (window_body(), True, False),
        (close_body(), True, False),
    ],
)
def test_closing_types_are_barriers_and_answers_go_alone(
    body: str, barrier: bool, alone: bool
) -> None:
    document = parse_as_main_process(body)

    assert (is_barrier(document), goes_alone(document)) == (barrier, alone)


@pytest.mark.parametrize("body", [message_body(), message_body(event_type="message.sent")])
def test_registry_and_parser_agree_on_the_author_of_a_message(body: str) -> None:
    event = parse_event(body=body, place=place())

    assert isinstance(event, MessageEvent)
    assert EVENT_TYPES[event.event_type].from_contact is event.from_contact


@pytest.mark.parametrize(
    "document", [None, [], "x", {}, *({"event_type": one} for one in NOT_NAMES)]
)
def test_json_that_is_not_an_event_has_no_type(document: Any) -> None:
    assert type_of(document) is None
    assert (is_barrier(document), goes_alone(document)) == (False, False)


def test_no_code_outside_the_registry_contains_the_name_of_a_type() -> None:
    assert {place for place, text in string_constants() if text in EVENT_TYPES} == {
        "apps/messages/event_types.py"
    }


def string_constants() -> Iterator[tuple[str, str]]:
    """Yield each string in the service's code, after the path of its file."""
    for package in SERVICE:
        for source in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    yield str(source.relative_to(ROOT)), node.value
