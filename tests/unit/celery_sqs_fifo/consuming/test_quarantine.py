"""Copy events to the dead-letter queue: the complete body, and the attributes that fit."""

import logging
from time import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from celery_sqs_fifo import Backoff, Outcome, Result
from celery_sqs_fifo.consuming.quarantine import Quarantine, dead_letter
from celery_sqs_fifo.consuming.reports import Report
from celery_sqs_fifo.delivery import Delivery
from tests.support.fake_calls import FakeCalls, delivery
from tests.support.fake_loop import FakeLoop

SEND = "SendMessage"
INVALID = Outcome(Result.INVALID, "malformed", "no channel_uuid")
MAX_BYTES = 1_048_576
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
    source: Delivery, *, reason: str = "malformed", error: str = "", max_bytes: int = MAX_BYTES
) -> dict[str, Any]:
    return dead_letter(source, reason=reason, error=error, max_bytes=max_bytes)


def attributes_of(letter: dict[str, Any]) -> dict[str, str]:
    return {name: value["StringValue"] for name, value in letter["MessageAttributes"].items()}


def size(letter: dict[str, Any]) -> int:
    """Return the size as SQS counts it: the body, and name, type and value of each attribute."""
    return len(letter["MessageBody"].encode()) + sum(
        len(name.encode())
        + len(value["DataType"].encode())
        + len(value.get("StringValue", value.get("BinaryValue", "")).encode())
        for name, value in letter["MessageAttributes"].items()
    )


def many_attributes(number: int) -> dict[str, Any]:
    return {f"own-{n}": {"DataType": "String", "StringValue": f"{n}"} for n in range(number)}


class Dead:
    """A quarantine with fakes around it, and what it reported."""

    def __init__(self) -> None:
        self.calls = FakeCalls()
        self.loop = FakeLoop()
        self.quarantined: list[Delivery] = []
        self.refused: list[Delivery] = []
        self.quarantine = Quarantine(
            calls=self.calls,  # type: ignore[arg-type]
            queue_url="dlq",
            max_message_bytes=1_000,
            backoff=Backoff(first=0.5, longest=4),
            call_later=self.loop.call_later,
            report=self._report,
        )

    def _report(self, report: Report, one: Delivery) -> None:
        lists = {Report.QUARANTINED: self.quarantined, Report.QUARANTINE_REFUSED: self.refused}
        lists[report].append(one)


@pytest.fixture
def dead() -> Dead:
    return Dead()


def test_an_event_is_copied_to_the_dead_letter_queue(dead: Dead) -> None:
    one = delivery("source", body="x" * 900)
    dead.quarantine.send(one, INVALID)

    (call,) = dead.calls.of(SEND)
    assert call.queue_url == "dlq"
    assert call.parameters["MessageBody"] == "x" * 900
    assert call.parameters["MessageAttributes"]["reason"]["StringValue"] == "malformed"
    assert "receive_count" not in call.parameters["MessageAttributes"]


def test_it_is_quarantined_only_when_sqs_has_confirmed_the_copy(
    dead: Dead, caplog: pytest.LogCaptureFixture
) -> None:
    one = delivery("source")
    dead.quarantine.send(one, INVALID)
    assert (dead.quarantined, caplog.records) == ([], [])

    dead.calls.answer(SEND)
    assert dead.quarantined == [one]
    assert [record.message for record in caplog.records] == ["event_quarantined", "event_ended"]
    told = [record.__dict__ for record in caplog.records]
    assert all((one["message_id"], one["reason"]) == ("source", "malformed") for one in told)


def test_its_last_log_line_has_the_outcome_and_the_labels(
    dead: Dead, caplog: pytest.LogCaptureFixture
) -> None:
    sent_at = time() - 60
    one = delivery("source", sent_at=sent_at, labels={"correlation_id": "c-1", "step": "first"})
    run = {"step": "second", "conversation_uuid": "u-1", "attempt": 5}
    dead.quarantine.send(one, Outcome(Result.BUG, "bug", "places", labels=run))
    dead.calls.answer(SEND)

    line = caplog.records[-1].__dict__
    assert {**line, "labels": None}.items() >= {"correlation_id": "c-1", **run}.items()
    assert (line["outcome"], line["receive_count"]) == ("bug", 1)
    assert 60_000 <= line["since_sent_ms"] < 3_600_000


def test_the_end_of_a_pointer_is_not_logged(dead: Dead, caplog: pytest.LogCaptureFixture) -> None:
    dead.quarantine.send(delivery(is_celery=True), INVALID)
    dead.calls.answer(SEND)

    assert [record.message for record in caplog.records] == ["event_quarantined"]


def test_an_answer_without_a_message_id_confirms_nothing(dead: Dead) -> None:
    """A proxy may answer 200 with an empty body. A delete would then lose the event."""
    dead.quarantine.send(delivery(), INVALID)
    dead.calls.answer(SEND, {})
    assert dead.quarantined == []

    dead.loop.advance(0.5)
    dead.calls.answer(SEND)
    assert len(dead.quarantined) == 1


def test_a_dead_letter_queue_that_refuses_is_tried_until_it_works(
    dead: Dead, caplog: pytest.LogCaptureFixture
) -> None:
    one = delivery("source")
    dead.quarantine.send(one, INVALID)
    delays = []
    for _ in range(6):
        dead.calls.answer(SEND, error="HTTP 403 AccessDenied")
        delays += dead.loop.delays
        dead.loop.advance(delays[-1])
    dead.calls.answer(SEND)

    assert delays == [0.5, 1, 2, 4, 4, 4]
    assert (dead.quarantined, dead.refused) == ([one], [])
    copies = [call.parameters for call in dead.calls.of(SEND)]
    assert all(copy == copies[0] for copy in copies)
    refused = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert len(refused) == 6


def test_at_shutdown_one_refusal_is_final(dead: Dead) -> None:
    dead.calls.wait = True
    dead.calls.errors = {SEND: "EndpointConnectionError"}
    one = delivery()
    dead.quarantine.send(one, INVALID)

    assert (dead.refused, dead.quarantined) == ([one], [])
    assert dead.loop.delays == []


def test_logs_have_ids_and_reasons_and_no_content(
    dead: Dead, caplog: pytest.LogCaptureFixture
) -> None:
    dead.quarantine.send(delivery(group="secret", body="secret"), INVALID)
    dead.calls.answer(SEND, error="HTTP 500 InternalError")
    dead.loop.advance(1)
    dead.calls.answer(SEND)

    assert len(caplog.records) == 3
    assert "secret" not in str([record.__dict__ for record in caplog.records])


def test_the_copy_is_complete_and_has_its_reason_and_source() -> None:
    source = delivery("source", group="p:c:u", body='{"a": 1}', receive_count=7)
    letter = copy(source, reason="unknown_type", error="no such event type")

    assert letter["MessageBody"] == '{"a": 1}'
    assert letter["MessageGroupId"] == "p:c:u"
    assert attributes_of(letter) == {
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

    assert attributes_of(copy(delivery(attributes=first)))["first_sent_at"] == "1700000000000"


def test_new_reasons_replace_those_of_an_earlier_copy() -> None:
    earlier = attributes_of(copy(delivery("1"), reason="old", error="old"))
    attributes = {
        name: {"DataType": "String", "StringValue": value} for name, value in earlier.items()
    }
    again = attributes_of(copy(delivery("2", attributes=attributes), reason="new", error="new"))

    assert (again["reason"], again["error"], again["source_message_id"]) == ("new", "new", "2")


def test_an_error_of_an_earlier_copy_is_not_kept() -> None:
    attributes = {"error": {"DataType": "String", "StringValue": "an older error"}}

    assert "error" not in attributes_of(copy(delivery(attributes=attributes), error=""))


def test_the_events_own_attributes_are_kept_up_to_ten_in_all_after_ours() -> None:
    letter = copy(delivery(attributes=many_attributes(10)), error="e")

    assert list(letter["MessageAttributes"]) == [*OURS, "own-0", "own-1", "own-2", "own-3"]


def test_attributes_that_are_not_text_are_left_out() -> None:
    """They are received as base64 text, which would be encoded a second time."""
    binary = {"DataType": "Binary.trace", "BinaryValue": "AAEC", "StringListValues": []}
    letter = copy(delivery(attributes={"trace": binary}))

    assert "trace" not in letter["MessageAttributes"]


def test_characters_that_sqs_refuses_are_replaced() -> None:
    letter = copy(delivery(), error="a\x00b\ud83dc\uffff\x1fd\te\nf\U0001f615")

    assert attributes_of(letter)["error"] == "a?b?c??d\te\nf\U0001f615"


def test_a_long_error_is_cut() -> None:
    assert len(attributes_of(copy(delivery(), error="x" * 100_000))["error"]) == 2_000


def test_the_error_is_shortened_before_other_attributes_are_dropped() -> None:
    source = delivery("s", body="x" * 1_000)
    without_error = size(copy(source))
    letter = copy(source, error="é" * 500, max_bytes=without_error + len("errorString") + 11)

    assert attributes_of(letter)["error"] == "é" * 5
    assert list(letter["MessageAttributes"]) == OURS


def test_without_room_for_attributes_only_the_body_is_sent() -> None:
    letter = copy(delivery(body="x" * 1_000, attributes=many_attributes(3)), max_bytes=1_000)

    assert letter["MessageAttributes"] == {}
    assert letter["MessageBody"] == "x" * 1_000


@pytest.mark.parametrize("room", range(0, 250, 7))
def test_less_important_attributes_are_dropped_first(room: int) -> None:
    source = delivery("s", group="g", body="x" * 100)
    letter = copy(source, reason="r", error="e", max_bytes=100 + room)
    kept = [name for name in OURS if name in letter["MessageAttributes"]]

    assert size(letter) <= 100 + room
    assert kept[:1] == ["reason"] or room < len("reasonStringr")


@settings(derandomize=True, max_examples=200)
@given(
    body=st.text(st.characters(exclude_categories=["Cs"]), max_size=300),
    reason=st.text(max_size=50),
    error=st.text(max_size=300),
    own=attributes,
    max_bytes=st.integers(0, 1_200),
)
def test_a_copy_is_never_larger_than_the_limit_unless_its_body_alone_is(
    body: str, reason: str, error: str, own: dict[str, Any], max_bytes: int
) -> None:
    source = delivery("source", body=body, attributes=own)
    letter = copy(source, reason=reason, error=error, max_bytes=max_bytes)

    assert letter["MessageBody"] == body
    assert size(letter) <= max(max_bytes, len(body.encode()))
    assert len(letter["MessageAttributes"]) <= 10
    for value in letter["MessageAttributes"].values():
        assert value.get("StringValue") != ""
        assert {"DataType"} < set(value)
