"""Benchmarks generate numbered events, and recognize the order in which they were stored."""

import json
import zlib
from uuid import UUID

import pytest

from apps.common.lossless_json import dump
from apps.messages.events import MessageEvent
from apps.messages.message_items import items_of
from apps.messages.reading import parse_event
from bench.common.chat import Load, close_of, event_of, inversions
from operations.provisioning import table_definition
from testbed.dynamodb.accounts import Accounts, Write
from testbed.dynamodb.actions import Actions
from tests.support.builders import HOME, NOON, place
from tests.support.wire_items import as_sent


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


@pytest.mark.parametrize("characters", [100, 5_000], ids=["as text", "compressed"])
def test_the_event_of_a_stored_item_is_recognized_by_its_message_id(characters: int) -> None:
    """In the log of the model of DynamoDB."""
    (event,) = Load(contacts=1, numbers=range(3, 4), first_contact=12, text_characters=characters)
    message = parse_event(body=event.body, place=place())
    assert isinstance(message, MessageEvent)
    assert message.entry
    body = dump(message.entry.as_json(home=HOME)).encode()
    item = items_of(conversation_uuid=UUID(int=1), key="k", body=body, now=NOON).head
    assert ("dictionary" in item) == (characters > 100)
    accounts = Accounts()
    dynamodb = Actions(accounts=accounts, clock=lambda: 0.0)
    dynamodb.answer("CreateTable", {**table_definition("t")})

    dynamodb.answer("PutItem", as_sent({"TableName": "t", "Item": item}))

    assert list(map(event_of, accounts.writes["t"])) == [(12, 3)]


def test_the_texts_of_large_events_are_as_compressible_as_real_ones() -> None:
    """Otherwise a benchmark of large messages would measure the compression of repeats."""
    (event,) = Load(contacts=1, numbers=range(1), text_characters=100_000)

    assert 0.3 < len(zlib.compress(event.body.encode())) / len(event.body) < 0.5


def test_a_load_closes_the_conversation_of_each_contact_once() -> None:
    load = Load(contacts=2, numbers=range(3), first_contact=10)

    assert [event.group for event in load.closes()] == [event.group for event in load][:2]


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
