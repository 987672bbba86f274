"""Benchmarks generate numbered events, and recognize the order in which they were stored."""

import json

import pytest

from apps.common.lossless_json import dump
from apps.messages.events import MessageEvent
from apps.messages.reading import parse_event
from bench.common.chat import Load, close_of, event_of, inversions
from testbed.dynamodb.accounts import Write
from tests.support.builders import HOME, place


def stored(*events: tuple[int, int]) -> list[Write]:
    """Return the log of the DynamoDB server for these events, as contact and number."""
    return [
        Write(at=float(at), partition="p", sort="", beginning=f'{{"id":"{contact}.{number}",')
        for at, (contact, number) in enumerate(events)
    ]


def test_the_events_of_a_load_go_through_all_contacts_in_turn() -> None:
    load = Load(contacts=2, numbers=range(5, 7), first_contact=10)

    assert [(one.contact, one.number) for one in load] == [(10, 5), (11, 5), (10, 6), (11, 6)]
    assert len(load) == load.messages == 4


def test_the_service_reads_a_load_as_messages_and_as_answers() -> None:
    load = Load(contacts=1, numbers=range(4), answers_every=2, text_characters=7)
    events = [parse_event(body=one.body, place=place()) for one in load]

    assert load.answers == 2
    assert load.messages == 2
    for number, event in enumerate(events):
        assert isinstance(event, MessageEvent)
        assert bool(event.answer) == (number % 2 == 1)
        assert bool(event.entry) == (number % 2 == 0)
        if event.entry:
            assert len(event.entry.message["text"]) == 7


def test_the_event_of_a_stored_item_is_recognized_by_its_message_id() -> None:
    (event,) = Load(contacts=1, numbers=range(3, 4), first_contact=12)
    message = parse_event(body=event.body, place=place())
    assert isinstance(message, MessageEvent)
    assert message.entry

    text = dump(message.entry.as_json(home=HOME))
    assert event_of(Write(at=0.0, partition="p", sort="", beginning=text[:160])) == (12, 3)


def test_the_closing_event_is_in_the_group_of_its_contact() -> None:
    (message,) = Load(contacts=1, numbers=range(1), first_contact=12)

    assert close_of(12).group == message.group
    assert json.loads(close_of(12).body)["event_type"] == "conversation.close"


@pytest.mark.parametrize(
    ("events", "count"),
    [
        ([(1, 1), (2, 1), (1, 2), (2, 2)], 0),
        ([(1, 2), (1, 1)], 1),
        ([(1, 1), (1, 3), (1, 2), (1, 0)], 2),
        ([(1, 2), (2, 1)], 0),
        ([(1, 1), (1, 2), (1, 1)], 0),
    ],
    ids=["in order", "swapped", "two early", "two contacts", "stored again"],
)
def test_a_message_first_stored_after_a_later_one_is_an_inversion(
    events: list[tuple[int, int]], count: int
) -> None:
    assert inversions(stored(*events)) == count
