"""The place of an event determines its order. Messages carry it as text."""

from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from celery_sqs_fifo import PLACE, InvalidPlace, Place
from celery_sqs_fifo.delivery import Delivery
from celery_sqs_fifo.running.batch import QueuedEvent
from tests.support.fake_calls import sqs_message

SENT_AT = 1_800_001_000.0
MILLISECONDS = 1_800_001_000_000

GROUPS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=128)
PLACES = st.builds(Place, st.integers(0, 10**13 - 1), st.integers(0, 2**128 - 1), GROUPS)


def message(place: str | None = None, **fields: Any) -> dict[str, Any]:
    """Return a message of the group "g", queued at SENT_AT, that carries this text as its place."""
    attributes = {} if place is None else {PLACE: {"DataType": "String", "StringValue": place}}
    return sqs_message(group="g", sent_at=SENT_AT, attributes=attributes, **fields)


@given(PLACES)
def test_the_text_of_a_place_is_read_as_the_same_place(place: Place) -> None:
    assert Place.parse(str(place)) == place


@given(PLACES, PLACES)
def test_texts_have_a_fixed_width_before_the_group_and_sort_by_time(a: Place, b: Place) -> None:
    assert len(str(a)) - len(a.group) == len(str(b)) - len(b.group)
    if a.queue_time != b.queue_time:
        assert (str(a) < str(b)) is (a.queue_time < b.queue_time)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1800001000000",
        f"1800001000000-{7:039d}-",
        f"1800001000000-{7:038d}-g",
        f"1800001000000-{7:040d}-g",
        f"180000100000x-{7:039d}-g",
        f"-180000100000-{7:039d}-g",
        f"\uff11800001000000-{7:039d}-g",
        f"1800001000000-{7:039d}-g\n",
        f"1800001000000-{7:039d}-a b",
        f"1800001000000-{7:039d}-{'g' * 129}",
        f" 1800001000000-{7:039d}-g",
    ],
)
def test_any_other_text_is_refused_with_a_sentence_that_does_not_quote_it(text: str) -> None:
    with pytest.raises(InvalidPlace, match=r"^a place is written as 13 digits, 39 digits and"):
        Place.parse(text)


@pytest.mark.parametrize(
    ("values", "about"),
    [
        ((-1, 1, "g"), "queue time"),
        ((10**13, 1, "g"), "queue time"),
        ((1, -1, "g"), "sequence number"),
        ((1, 10**39, "g"), "sequence number"),
        ((1, 1, ""), "group"),
        ((1, 1, "a b"), "group"),
        ((1, 1, "g" * 129), "group"),
    ],
)
def test_places_that_cannot_be_written_as_text_are_refused(
    values: tuple[int, int, str], about: str
) -> None:
    with pytest.raises(InvalidPlace, match=about):
        Place(*values)


def test_within_a_group_the_sequence_number_decides() -> None:
    earlier, later = Place(20, 1, "g"), Place(10, 2, "g")

    assert earlier < later
    assert not later < earlier
    assert max(earlier, later) == later


def test_between_groups_the_queue_time_decides_and_then_the_group() -> None:
    in_order = [Place(10, 1, "b"), Place(20, 5, "a"), Place(20, 2, "b"), Place(30, 6, "a")]

    for shuffled in permutations(in_order):
        assert sorted(shuffled) == in_order


@given(PLACES, PLACES)
def test_two_different_places_have_exactly_one_order(a: Place, b: Place) -> None:
    assert (a < b) + (b < a) + (a == b) == 1
    assert (a <= b) is (not b < a)


def test_a_message_that_carries_no_place_has_its_own() -> None:
    received = message()
    number = int(received["Attributes"]["SequenceNumber"])

    assert Place.of_message(received) == Place(MILLISECONDS, number, "g")


def test_a_redriven_message_has_the_place_of_the_first_sending() -> None:
    first = Place(MILLISECONDS - 86_400_000, 2**128 - 1, "first-group")

    delivery = Delivery.from_sqs(message(str(first)), now=0, lease=60)

    assert delivery.place == first
    assert (delivery.group_id, delivery.queued_at) == ("g", MILLISECONDS)


def test_a_place_with_a_time_after_the_message_was_sent_is_ignored() -> None:
    forged = Place(MILLISECONDS + 1, 7, "g")

    assert Place.of_message(message(str(forged))) == Place(MILLISECONDS, 7, "g")


@pytest.mark.parametrize(
    "impossible", [Place(0, 7, "g"), Place(MILLISECONDS, 2**128, "g")], ids=["time", "number"]
)
def test_a_place_that_sqs_cannot_have_given_is_ignored(impossible: Place) -> None:
    received = message(str(impossible))

    number = int(received["Attributes"]["SequenceNumber"])
    assert Place.of_message(received) == Place(MILLISECONDS, number, "g")


@pytest.mark.parametrize("text", ["home", "1800001000000", f"{1:013d}-{1:039d}-"])
def test_an_attribute_named_place_with_another_meaning_is_ignored(text: str) -> None:
    received = message(text)

    assert Place.of_message(received).queue_time == MILLISECONDS


def test_a_binary_attribute_named_place_is_ignored() -> None:
    received = sqs_message(
        sent_at=SENT_AT, attributes={PLACE: {"DataType": "Binary", "BinaryValue": "AAEC"}}
    )

    assert Place.of_message(received).queue_time == MILLISECONDS


@given(PLACES)
def test_a_pool_process_receives_the_same_place(place: Place) -> None:
    event = QueuedEvent(message_id="m", group_id="g", place=place, body="{}")

    assert QueuedEvent.from_json(event.as_json()) == event
