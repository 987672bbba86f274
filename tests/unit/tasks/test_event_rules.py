"""The main process and the pool processes of a worker read every event in the same way."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar
from unittest.mock import patch

import pytest
from django.test import override_settings
from hypothesis import example, given, settings
from hypothesis import strategies as st
from kombu.utils.json import dumps, loads

from apps.common.errors import InvalidEvent
from apps.common.lossless_json import MAX_DEPTH
from apps.messages import adapters
from apps.messages.event_types import EVENT_TYPES, EventType
from apps.messages.reading import attribute_names, parse_event
from celery_sqs_fifo.delivery import Delivery
from celery_sqs_fifo.running.batch import QueuedEvent
from celery_sqs_fifo.running.envelope import Envelope
from tasks.event_rules import RULES
from tests.support.builders import close_body, place
from tests.support.chain_app import QUEUE, fifo_app
from tests.support.dialects import in_envelope, ticket_body
from tests.support.fake_calls import delivery
from tests.support.pages import fenced, page

APP = fifo_app()
CLOSE = '{"event_type": "conversation.close", "data": {}}'
CLOSED = parse_event(body=close_body(), place=place())
Returned = TypeVar("Returned")

# Characters before, within and after the JSON documents of producers, including invalid ones.
MARKS = st.sampled_from(
    ["", "", "", "\ufeff", "\ufeff\ufeff", " \ufeff", "\n\t ", "\u00a0", "\x00"]
)
TYPES = st.sampled_from(
    [*EVENT_TYPES, "unknown", "", "conversation.close\x00", "Conversation.Close"]
)
NUMBERS = st.sampled_from(
    ["0", "-0", "01", "1.", "1e5", "1E400", "-1e-400", "9" * 5_000, "NaN", "Infinity", "-Infinity"]
)
TEXTS = st.one_of(
    st.text(st.characters(categories=None), max_size=5).map(json.dumps),
    st.text(st.characters(categories=None), max_size=5).map(
        lambda text: json.dumps(text, ensure_ascii=False)
    ),
    st.sampled_from(
        [
            '"\\ud83d"',
            '"\ud83d"',
            '"\\ud83d\\udd1e"',
            '"\\u00"',
            '"\\x"',
            '"\x1f"',
            '"a\x7f"',
            "'a'",
        ]
    ),
)
DEPTHS = st.sampled_from([1, MAX_DEPTH - 2, MAX_DEPTH - 1, MAX_DEPTH, MAX_DEPTH + 1, 400, 2_000])
VALUES = st.one_of(
    NUMBERS,
    TEXTS,
    TYPES.map(json.dumps),
    st.sampled_from(["true", "null", "True", "{}", "[]", "[1,]", '{"key": 0}', '{"key": ""}']),
    DEPTHS.map(lambda depth: "[" * depth + "]" * depth),
)
KEYS = st.sampled_from(
    [
        '"event_type"',
        '"event_type"',
        '"key"',
        '"data"',
        '"headers"',
        '"event\\u005ftype"',
        '"\ud83d"',
        '"ticket_uuid"',
        '"Message"',
    ]
)
FIELDS = st.lists(st.tuples(KEYS, VALUES), max_size=5)


def objects(fields: list[tuple[str, str]]) -> str:
    """Return an object with these fields, of which some may have the same name."""
    return "{" + ", ".join(f"{name}: {value}" for name, value in fields) + "}"


# With those of the adapters, so that this test has an example of each form.
EXAMPLES = fenced(page("docs/events.md"), language="json")


def ticket_with(fields: list[tuple[str, str]]) -> str:
    """Return a ticket with additional fields."""
    return ticket_body()[:-1] + "".join(f", {name}: {value}" for name, value in fields) + "}"


PLAIN_BODIES = st.one_of(
    st.builds("".join, st.tuples(MARKS, FIELDS.map(objects), MARKS)),
    st.builds("".join, st.tuples(MARKS, FIELDS.map(ticket_with), MARKS)),
    st.builds("".join, st.tuples(MARKS, st.sampled_from([CLOSE, *EXAMPLES]), MARKS)),
    st.builds(lambda mark, value: mark + value, MARKS, VALUES),
    st.builds(lambda body, end: body[:end], FIELDS.map(objects), st.integers(0, 60)),
    st.binary(max_size=20).map(lambda raw: raw.decode("utf-8", errors="surrogateescape")),
)
NAMES = st.sampled_from(["event_type", "event_type", "CorrelationID", "traceparent"])
BODIES = st.one_of(
    PLAIN_BODIES,
    st.builds(
        lambda body, attributes, mark: mark + in_envelope(body, attributes=attributes),
        st.one_of(PLAIN_BODIES, PLAIN_BODIES.map(in_envelope)),
        st.dictionaries(NAMES, TYPES, max_size=2),
        MARKS,
    ),
)
ATTRIBUTES = st.dictionaries(
    NAMES,
    st.one_of(
        TYPES.filter(bool).map(lambda text: {"DataType": "String", "StringValue": text}),
        st.just({"DataType": "Binary", "BinaryValue": "AAAA"}),
    ),
    max_size=2,
)
ADAPTERS = st.lists(st.sampled_from(adapters.names()), unique=True)


def in_the_main_process(**message: Any) -> Delivery:
    """Return a delivery as the main process classifies it, with the adapters that are on."""
    received = delivery(**message)
    rules = replace(RULES, attributes=attribute_names())
    Envelope(app=APP, queue=QUEUE, rules=rules).classify(received)
    return received


def in_the_pool(received: Delivery) -> tuple[bool, bool]:
    """Return whether the steps treat an event as a barrier, and as one that goes alone.

    The event is sent to the pool as the transport does it.
    """
    event = QueuedEvent.from_json(loads(dumps(QueuedEvent.of(received).as_json())))
    with patch.object(EventType, "parse", autospec=True, return_value=CLOSED) as parse:
        try:
            parse_event(body=event.body, attributes=event.attributes, place=event.place)
        except InvalidEvent:
            return False, False
    event_type, document = parse.call_args.args
    return event_type.may_close, event_type.goes_alone(document)


def at_depth(depth: int, function: Callable[[], Returned]) -> Returned:
    """Call a function with this many stack frames above it. Pool processes have more than tests."""
    return function() if depth == 0 else at_depth(depth - 1, function)


@settings(max_examples=1_000, deadline=None)
@given(body=BODIES, attributes=ATTRIBUTES, names=ADAPTERS, frames=st.sampled_from([0, 60, 200]))
@example(body="\ufeff" + CLOSE, attributes={}, names=[], frames=0)
@example(body=CLOSE.replace("{}", "NaN"), attributes={}, names=[], frames=0)
@example(body=CLOSE.replace("{}", "[" * 300 + "]" * 300), attributes={}, names=[], frames=200)
def test_the_main_process_and_the_pool_treat_the_same_events_as_barriers(
    body: str, attributes: dict[str, Any], names: list[str], frames: int
) -> None:
    with override_settings(EVENT_ADAPTERS=names):
        received = in_the_main_process(body=body, attributes=attributes)
        if received.is_celery:
            return

        found = at_depth(frames, lambda: in_the_pool(received))

    assert (received.is_barrier, received.is_single) == found


@pytest.mark.parametrize("mark", ["", "\ufeff", "\n"])
@pytest.mark.parametrize(
    ("body", "event_type", "names"),
    [
        (CLOSE, None, []),
        ('{"data": {}}', "conversation.close", []),
        (ticket_body(), None, ["flow_ticket"]),
        (in_envelope(CLOSE), None, ["sns"]),
        (in_envelope(ticket_body()), None, ["flow_ticket", "sns"]),
    ],
    ids=["close", "type in the attribute", "ticket", "envelope", "ticket in an envelope"],
)
def test_an_event_that_closes_is_a_barrier_in_every_form(
    mark: str, body: str, event_type: str | None, names: Sequence[str]
) -> None:
    attribute = {"DataType": "String", "StringValue": event_type}
    with override_settings(EVENT_ADAPTERS=names):
        received = in_the_main_process(
            body=mark + body, attributes={"event_type": attribute} if event_type else {}
        )

        assert received.is_barrier
        assert in_the_pool(received) == (True, False)
