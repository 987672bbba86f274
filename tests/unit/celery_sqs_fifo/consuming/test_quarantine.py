"""A dead letter has the complete body of its event, and as many attributes as fit."""

import logging
from collections.abc import Sequence
from time import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from celery_sqs_fifo import Backoff, Outcome, Place, Result
from celery_sqs_fifo.consuming.dead_letter import dead_letter
from celery_sqs_fifo.consuming.leases import Leases
from celery_sqs_fifo.consuming.quarantine import Quarantine
from celery_sqs_fifo.consuming.reports import Report
from celery_sqs_fifo.consuming.sqs_calls import LostAnswer
from celery_sqs_fifo.delivery import Delivery
from tests.support.fake_calls import FakeCalls, delivery
from tests.support.fake_loop import FakeLoop

SEND = "SendMessage"
CHANGE = "ChangeMessageVisibilityBatch"
INVALID = Outcome(Result.INVALID, "malformed", "no channel_uuid")
MAX_BYTES = 1_048_576
OURS = ["place", "reason", "source_message_id", "receive_count", "error"]

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
    """A `Quarantine` object with fake collaborators, and the copies that it reported."""

    def __init__(self) -> None:
        self.calls = FakeCalls()
        self.loop = FakeLoop()
        self.quarantined: list[Delivery] = []
        self.refused: list[Delivery] = []
        self.lost: list[Delivery] = []
        backoff = Backoff(first=0.5, longest=4)
        self.leases = Leases(
            calls=self.calls,  # type: ignore[arg-type]
            queue_url="queue",
            timeout=60,
            backoff=backoff,
            now=self.loop.monotonic,
            call_later=self.loop.call_later,
            report=self._report,
        )
        self.quarantine = Quarantine(
            calls=self.calls,  # type: ignore[arg-type]
            queue_url="dlq",
            max_message_bytes=1_000,
            backoff=backoff,
            leases=self.leases,
            call_later=self.loop.call_later,
            report=self._report,
        )

    def _report(self, report: Report, several: Sequence[Delivery]) -> None:
        lists = {
            Report.QUARANTINED: self.quarantined,
            Report.QUARANTINE_REFUSED: self.refused,
            Report.LEASE_LOST: self.lost,
        }
        lists[report] += several

    @property
    def copied(self) -> list[str]:
        """Return the ids of the events whose copies were sent, in order."""
        return [call.parameters["MessageDeduplicationId"] for call in self.calls.of(SEND)]


@pytest.fixture
def dead() -> Dead:
    return Dead()


def test_an_event_is_copied_to_the_dead_letter_queue(dead: Dead) -> None:
    one = delivery("source", body="x" * 900)
    dead.quarantine.add(one, INVALID)

    (call,) = dead.calls.of(SEND)
    assert call.queue_url == "dlq"
    assert call.parameters["MessageBody"] == "x" * 900
    assert call.parameters["MessageAttributes"]["reason"]["StringValue"] == "malformed"
    assert "receive_count" not in call.parameters["MessageAttributes"]


def test_the_attributes_that_the_parser_reads_are_kept_before_all_but_the_place() -> None:
    own = {**many_attributes(9), "type": {"DataType": "String", "StringValue": "close"}}
    source = delivery(attributes=own, texts={"type": "close"})

    letter = copy(source, error="why")

    assert list(letter["MessageAttributes"])[:6] == ["place", "type", *OURS[1:]]
    assert letter["MessageAttributes"]["type"] == own["type"]
    assert len(letter["MessageAttributes"]) == 10

    small = copy(source, error="why", max_bytes=len(source.body) + len(str(source.place)) + 30)
    assert list(small["MessageAttributes"]) == ["place", "type"]


def test_an_event_is_quarantined_only_when_sqs_has_confirmed_the_copy(
    dead: Dead, caplog: pytest.LogCaptureFixture
) -> None:
    one = delivery("source")
    dead.quarantine.add(one, INVALID)
    assert (dead.quarantined, caplog.records) == ([], [])

    dead.calls.answer(SEND)
    assert dead.quarantined == [one]
    assert [record.message for record in caplog.records] == ["event_quarantined", "event_ended"]
    logged = [record.__dict__ for record in caplog.records]
    assert all((one["message_id"], one["reason"]) == ("source", "malformed") for one in logged)


def test_the_last_log_line_of_a_quarantined_event_has_its_outcome_and_labels(
    dead: Dead, caplog: pytest.LogCaptureFixture
) -> None:
    sent_at = time() - 60
    one = delivery("source", sent_at=sent_at, labels={"correlation_id": "c-1", "step": "first"})
    run = {"step": "second", "conversation_uuid": "u-1", "attempt": 5}
    dead.quarantine.add(one, Outcome(Result.BUG, "bug", "places", labels=run))
    dead.calls.answer(SEND)

    line = caplog.records[-1].__dict__
    assert {**line, "labels": None}.items() >= {"correlation_id": "c-1", **run}.items()
    assert (line["outcome"], line["receive_count"]) == ("bug", 1)
    assert 60_000 <= line["since_sent_ms"] < 3_600_000


def test_the_end_of_a_pointer_is_not_logged(dead: Dead, caplog: pytest.LogCaptureFixture) -> None:
    dead.quarantine.add(delivery(is_celery=True), INVALID)
    dead.calls.answer(SEND)

    assert [record.message for record in caplog.records] == ["event_quarantined"]


def test_an_answer_without_a_message_id_confirms_nothing(dead: Dead) -> None:
    """A proxy may answer 200 with an empty body. Deleting the event would then lose it."""
    dead.quarantine.add(delivery(), INVALID)
    dead.calls.answer(SEND, {})
    assert dead.quarantined == []

    dead.loop.advance(0.5)
    dead.calls.answer(SEND)
    assert len(dead.quarantined) == 1


def test_a_refused_copy_is_tried_again_until_it_succeeds(
    dead: Dead, caplog: pytest.LogCaptureFixture
) -> None:
    one = delivery("source")
    dead.quarantine.add(one, INVALID)
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
    one = delivery()
    dead.quarantine.add(one, INVALID)

    assert dead.quarantine.stop() == []
    dead.calls.answer(SEND, error="HTTP 403 AccessDenied")

    assert (dead.refused, dead.quarantined) == ([one], [])
    assert dead.loop.delays == []


@pytest.mark.parametrize("error", [None, LostAnswer("HTTP 503 ServiceUnavailable")])
def test_at_shutdown_a_copy_whose_answer_was_lost_is_repeated_once(
    dead: Dead, error: str | None
) -> None:
    """SQS may have accepted the copy. In that case, the event must not be given back."""
    one = delivery("one")
    dead.quarantine.add(one, INVALID)
    dead.quarantine.stop()

    dead.calls.answer(SEND, error=LostAnswer("HTTP 502 Bad Gateway"))
    assert (dead.copied, dead.refused) == (["one", "one"], [])

    dead.calls.answer(SEND, error=error)
    assert (dead.quarantined, dead.refused) == (([], [one]) if error else ([one], []))
    assert len(dead.copied) == 2


def test_at_shutdown_an_event_whose_copy_waits_for_a_retry_is_given_back_and_not_copied(
    dead: Dead,
) -> None:
    one, behind = delivery("one"), delivery("behind")
    dead.quarantine.add(one, INVALID)
    dead.quarantine.add(behind, INVALID)
    dead.calls.answer(SEND, error="HTTP 403 AccessDenied")

    assert dead.quarantine.stop() == [one, behind]
    dead.loop.advance(600)

    assert dead.copied == ["one"]


def test_the_copies_of_a_group_are_sent_one_by_one_in_order(dead: Dead) -> None:
    first, second, other = delivery("1"), delivery("2"), delivery("3", group="other")
    for one in (first, second, other):
        dead.quarantine.add(one, INVALID)
    assert dead.copied == ["1", "3"]

    dead.calls.answer(SEND, error="HTTP 503 ServiceUnavailable")
    dead.loop.advance(0.5)
    assert dead.copied == ["1", "3", "1"]

    dead.calls.answer_all(SEND)
    dead.calls.answer_all(SEND)
    assert dead.copied == ["1", "3", "1", "2"]
    assert [one.message_id for one in dead.quarantined] == ["3", "1", "2"]


def test_a_copy_is_sent_only_after_a_lease_that_is_half_over_was_renewed(dead: Dead) -> None:
    one = delivery("one", now=dead.loop.now - 31, lease=60)
    dead.quarantine.add(one, INVALID)
    assert (dead.copied, dead.calls.renewed) == ([], [one.receipt_handle])

    dead.calls.answer(CHANGE)
    assert dead.copied == ["one"]


def test_an_event_whose_lease_is_lost_is_not_copied(dead: Dead) -> None:
    """SQS delivers the event again. It could then take effect in addition to its dead letter."""
    one = delivery("one", now=dead.loop.now - 61, lease=60)
    dead.calls.refused = {one.receipt_handle: "ReceiptHandleIsInvalid"}
    dead.quarantine.add(one, INVALID)
    dead.calls.answer(CHANGE)
    assert dead.quarantine.drop_from(one) == [one]
    dead.loop.advance(600)

    assert (dead.lost, dead.copied) == ([one], [])


def test_a_copy_waits_while_the_lease_of_its_event_cannot_be_renewed(dead: Dead) -> None:
    one = delivery("one", now=dead.loop.now - 31, lease=60)
    dead.quarantine.add(one, INVALID)
    dead.calls.answer(CHANGE, error="HTTP 503 ServiceUnavailable")
    assert dead.copied == []

    dead.loop.advance(0.5)
    dead.calls.answer(CHANGE)
    assert dead.copied == ["one"]


def test_a_refused_copy_is_not_tried_again_after_its_event_was_dropped(dead: Dead) -> None:
    first, second = delivery("1"), delivery("2")
    dead.quarantine.add(first, INVALID)
    dead.quarantine.add(second, INVALID)
    dead.calls.answer(SEND, error="HTTP 403 AccessDenied")

    assert dead.quarantine.drop_from(first) == [first, second]
    dead.loop.advance(600)

    assert dead.copied == ["1"]
    assert dead.quarantine.unsent == []


@pytest.mark.parametrize(
    ("error", "is_logged"),
    [(None, True), (LostAnswer("HTTP 504 Gateway Timeout"), True), ("HTTP 403 Denied", False)],
)
def test_a_copy_that_outlived_its_lease_is_logged_if_it_may_exist(
    dead: Dead, caplog: pytest.LogCaptureFixture, error: str | None, is_logged: bool
) -> None:
    one = delivery("one")
    dead.quarantine.add(one, INVALID)
    dead.quarantine.drop_from(one)
    dead.calls.answer(SEND, error=error)

    assert (dead.quarantined, dead.refused) == ([], [])
    logged = [record.message for record in caplog.records]
    assert logged == (["quarantine_outlived_lease"] if is_logged else [])


def test_logs_have_ids_and_reasons_and_no_content(
    dead: Dead, caplog: pytest.LogCaptureFixture
) -> None:
    dead.quarantine.add(delivery(group="secret", body="secret"), INVALID)
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
        "place": str(source.place),
        "reason": "unknown_type",
        "source_message_id": "source",
        "receive_count": "7",
        "error": "no such event type",
    }


def test_the_copy_is_deduplicated_by_the_id_of_its_source() -> None:
    assert copy(delivery("source"))["MessageDeduplicationId"] == "source"


def test_a_copy_of_a_redriven_dead_letter_keeps_the_first_place() -> None:
    first = str(Place(1_700_000_000_000, 7, "g"))
    attributes = {"place": {"DataType": "String", "StringValue": first}}

    assert attributes_of(copy(delivery(attributes=attributes)))["place"] == first


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


def test_a_copy_keeps_attributes_of_the_event_up_to_ten_with_those_of_the_worker() -> None:
    letter = copy(delivery(attributes=many_attributes(10)), error="e")

    assert list(letter["MessageAttributes"]) == [*OURS, "own-0", "own-1", "own-2", "own-3", "own-4"]


def test_attributes_that_are_not_text_are_left_out() -> None:
    """Binary attributes are received as base64 text, which would be encoded a second time."""
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
    assert kept[:1] == ["place"] or room < len(f"placeString{source.place}")


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
