"""Copies for the dead-letter queue: the body whole, the rest as far as SQS takes it."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from celery_sqs_fifo.consuming.dead_letter import dead_letter
from celery_sqs_fifo.delivery import Delivery
from tests.support.fake_calls import delivery

LARGEST = 1_048_576
OURS = ["reason", "source_message_id", "first_sent_at", "group_id", "receive_count", "error"]

text_attributes = st.builds(
    lambda text: {"DataType": "String", "StringValue": text},
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1),
)
binary_attributes = st.builds(
    lambda text: {"DataType": "Binary", "BinaryValue": text}, st.text("AQgw", min_size=4)
)
attribute_names = st.text("abcdefgh_.-", min_size=1, max_size=20)
attributes = st.dictionaries(
    attribute_names, st.one_of(text_attributes, binary_attributes), max_size=10
)


def copy(
    source: Delivery, *, reason: str = "malformed", error: str = "", largest: int = LARGEST
) -> dict[str, Any]:
    return dead_letter(source, reason=reason, error=error, largest_size=largest)


def told(letter: dict[str, Any]) -> dict[str, str]:
    return {name: value["StringValue"] for name, value in letter["MessageAttributes"].items()}


def size(letter: dict[str, Any]) -> int:
    """As SQS counts it: the body, and of each attribute its name, its type and its value."""
    return len(letter["MessageBody"].encode()) + sum(
        len(name.encode())
        + len(value["DataType"].encode())
        + len(value.get("StringValue", value.get("BinaryValue", "")).encode())
        for name, value in letter["MessageAttributes"].items()
    )


def many_attributes(number: int) -> dict[str, Any]:
    return {f"own-{n}": {"DataType": "String", "StringValue": f"{n}"} for n in range(number)}


def test_the_copy_is_whole_and_says_why_and_whence() -> None:
    source = delivery("source", group="p:c:u", body='{"a": 1}', receive_count=7)
    letter = copy(source, reason="unknown_type", error="no such event type")

    assert letter["MessageBody"] == '{"a": 1}'
    assert letter["MessageGroupId"] == "p:c:u"
    assert told(letter) == {
        "reason": "unknown_type",
        "source_message_id": "source",
        "first_sent_at": "1800001000000",
        "group_id": "p:c:u",
        "receive_count": "7",
        "error": "no such event type",
    }


def test_the_copy_is_deduplicated_by_the_id_of_its_source() -> None:
    assert copy(delivery("source"))["MessageDeduplicationId"] == "source"


def test_a_copy_of_a_dead_letter_that_was_sent_again_keeps_the_first_time() -> None:
    first = {"first_sent_at": {"DataType": "String", "StringValue": "1700000000000"}}

    assert told(copy(delivery(attributes=first)))["first_sent_at"] == "1700000000000"


def test_new_reasons_replace_those_of_an_earlier_copy() -> None:
    earlier = told(copy(delivery("1"), reason="old", error="old"))
    attributes = {
        name: {"DataType": "String", "StringValue": value} for name, value in earlier.items()
    }
    again = told(copy(delivery("2", attributes=attributes), reason="new", error="new"))

    assert (again["reason"], again["error"], again["source_message_id"]) == ("new", "new", "2")


def test_an_error_of_an_earlier_copy_is_not_told_as_the_new_one() -> None:
    attributes = {"error": {"DataType": "String", "StringValue": "an older error"}}

    assert "error" not in told(copy(delivery(attributes=attributes), error=""))


def test_the_events_own_attributes_are_kept_up_to_ten_in_all_after_ours() -> None:
    letter = copy(delivery(attributes=many_attributes(10)), error="e")

    assert list(letter["MessageAttributes"]) == [*OURS, "own-0", "own-1", "own-2", "own-3"]


def test_attributes_that_are_not_text_are_left_out() -> None:
    """Received as base64 text, they would go out encoded once more."""
    binary = {"DataType": "Binary.trace", "BinaryValue": "AAEC", "StringListValues": []}
    letter = copy(delivery(attributes={"trace": binary}))

    assert "trace" not in letter["MessageAttributes"]


def test_characters_that_sqs_refuses_are_replaced() -> None:
    letter = copy(delivery(), error="a\x00b\ud83dc\uffff\x1fd\te\nf\U0001f615")

    assert told(letter)["error"] == "a?b?c??d\te\nf\U0001f615"


def test_a_long_error_is_cut() -> None:
    assert len(told(copy(delivery(), error="x" * 100_000))["error"]) == 2_000


def test_where_it_gets_narrow_the_error_is_shortened_before_others_are_dropped() -> None:
    source = delivery("s", body="x" * 1_000)
    without_error = size(copy(source))
    letter = copy(source, error="é" * 500, largest=without_error + len("errorString") + 11)

    assert told(letter)["error"] == "é" * 5
    assert list(letter["MessageAttributes"]) == OURS


def test_where_there_is_no_room_at_all_only_the_body_goes() -> None:
    letter = copy(delivery(body="x" * 1_000, attributes=many_attributes(3)), largest=1_000)

    assert letter["MessageAttributes"] == {}
    assert letter["MessageBody"] == "x" * 1_000


@pytest.mark.parametrize("room", range(0, 250, 7))
def test_what_is_worth_more_is_dropped_later(room: int) -> None:
    source = delivery("s", group="g", body="x" * 100)
    letter = copy(source, reason="r", error="e", largest=100 + room)
    kept = [name for name in OURS if name in letter["MessageAttributes"]]

    assert size(letter) <= 100 + room
    assert kept[:1] == ["reason"] or room < len("reasonStringr")


@settings(derandomize=True, deadline=None, max_examples=200)
@given(
    body=st.text(st.characters(exclude_categories=["Cs"]), max_size=300),
    reason=st.text(max_size=50),
    error=st.text(max_size=300),
    own=attributes,
    largest=st.integers(0, 1_200),
)
def test_a_copy_is_never_larger_than_the_limit_unless_its_body_alone_is(
    body: str, reason: str, error: str, own: dict[str, Any], largest: int
) -> None:
    source = delivery("source", body=body, attributes=own)
    letter = copy(source, reason=reason, error=error, largest=largest)

    assert letter["MessageBody"] == body
    assert size(letter) <= max(largest, len(body.encode()))
    assert len(letter["MessageAttributes"]) <= 10
    for value in letter["MessageAttributes"].values():
        assert value.get("StringValue") != ""
        assert {"DataType"} < set(value)
