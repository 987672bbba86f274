"""Finished messages are deleted, up to ten with one call."""

import logging
from collections.abc import Sequence

import pytest

from celery_sqs_fifo import Backoff
from celery_sqs_fifo.consuming.acks import Acks
from celery_sqs_fifo.consuming.reports import Report
from celery_sqs_fifo.delivery import Delivery
from tests.support.fake_calls import FakeCalls, delivery, names
from tests.support.fake_loop import FakeLoop

DELETE = "DeleteMessageBatch"
FLUSH_AFTER = 0.1
FLUSH_WITHIN = 1.0
RETRY_AFTER = 0.5
LONGEST = 30.0
REFUSED = "HTTP 503 ServiceUnavailable"


class Finished:
    """An `Acks` object with fake collaborators, and the deletes that it reported."""

    def __init__(self, *, gather_for: float = 0.0) -> None:
        self.calls = FakeCalls()
        self.loop = FakeLoop()
        self.deleted: list[Delivery] = []
        self.too_late: list[Delivery] = []
        self.acks = Acks(
            calls=self.calls,  # type: ignore[arg-type]
            queue_url="queue",
            gather_for=gather_for,
            flush_after=FLUSH_AFTER,
            flush_within=FLUSH_WITHIN,
            backoff=Backoff(first=RETRY_AFTER, longest=LONGEST),
            now=self.loop.monotonic,
            call_later=self.loop.call_later,
            report=self._report,
        )

    def _report(self, report: Report, several: Sequence[Delivery]) -> None:
        {Report.DELETED: self.deleted, Report.DELETED_TOO_LATE: self.too_late}[report] += several

    def add(self, number: int) -> list[Delivery]:
        deliveries = [delivery() for _ in range(number)]
        for one in deliveries:
            self.acks.add(one)
        return deliveries


@pytest.fixture
def finished() -> Finished:
    return Finished()


def test_ten_finished_messages_are_deleted_at_once_with_one_call(finished: Finished) -> None:
    ten = finished.add(10)

    (call,) = finished.calls.of(DELETE)
    assert call.queue_url == "queue"
    assert call.handles == [one.receipt_handle for one in ten]


def test_fewer_than_ten_messages_are_deleted_when_no_other_finishes_within_the_flush_interval(
    finished: Finished,
) -> None:
    finished.add(2)
    finished.loop.advance(FLUSH_AFTER * 0.9)
    finished.add(1)
    finished.loop.advance(FLUSH_AFTER * 0.9)
    assert not finished.calls.made

    finished.loop.advance(FLUSH_AFTER * 0.1)
    (call,) = finished.calls.of(DELETE)
    assert len(call.handles) == 3


def test_the_deletes_of_two_gathered_receives_share_a_call() -> None:
    finished = Finished(gather_for=0.2)
    finished.add(1)
    finished.loop.advance(0.2)
    finished.add(1)
    assert not finished.calls.made

    finished.loop.advance(0.2 + FLUSH_AFTER)
    (call,) = finished.calls.of(DELETE)
    assert len(call.handles) == 2


def test_awaited_deletes_do_not_wait_for_the_next_receive() -> None:
    finished = Finished(gather_for=0.2)
    finished.add(1)
    finished.acks.hurry()
    finished.loop.advance(FLUSH_AFTER)

    assert len(finished.calls.of(DELETE)) == 1


def test_no_delete_waits_longer_than_flush_within(finished: Finished) -> None:
    began = finished.loop.now
    while not finished.calls.made:
        finished.add(1)
        finished.loop.advance(FLUSH_WITHIN / 9)

    assert finished.loop.now - began <= FLUSH_WITHIN + FLUSH_WITHIN / 9
    finished.add(1)
    finished.loop.advance(FLUSH_AFTER * 0.9)
    assert len(finished.calls.of(DELETE)) == 1


def test_a_full_batch_does_not_shorten_the_wait_of_the_next(finished: Finished) -> None:
    finished.add(10)
    finished.loop.advance(FLUSH_AFTER * 0.9)
    finished.add(1)
    finished.loop.advance(FLUSH_AFTER * 0.9)

    assert len(finished.calls.of(DELETE)) == 1
    finished.loop.advance(FLUSH_AFTER * 0.1)
    assert len(finished.calls.of(DELETE)) == 2


def test_awaited_deletes_are_sent_within_the_flush_interval(
    finished: Finished,
) -> None:
    finished.add(1)
    finished.acks.hurry()
    finished.loop.advance(FLUSH_AFTER * 0.6)
    finished.add(1)
    finished.acks.hurry()
    finished.loop.advance(FLUSH_AFTER * 0.5)

    (call,) = finished.calls.of(DELETE)
    assert len(call.handles) == 2


def test_awaited_deletes_can_be_sent_at_once(finished: Finished) -> None:
    finished.add(2)
    finished.acks.hurry(at_once=True)

    (call,) = finished.calls.of(DELETE)
    assert len(call.handles) == 2


def test_hurry_without_finished_messages_calls_nothing(finished: Finished) -> None:
    finished.acks.hurry()
    finished.loop.advance(10)

    assert not finished.calls.made


def test_flush_without_finished_messages_calls_nothing(finished: Finished) -> None:
    finished.acks.flush()
    finished.loop.advance(10)

    assert not finished.calls.made


def test_confirmed_deletes_are_reported_in_order(finished: Finished) -> None:
    three = finished.add(3)
    finished.acks.flush()
    assert finished.deleted == []

    finished.calls.answer(DELETE)
    assert finished.deleted == three
    assert finished.acks.undeleted == []


def test_finished_messages_are_undeleted_until_sqs_confirms(finished: Finished) -> None:
    sent = finished.add(10)
    waiting = finished.add(1)
    assert set(finished.acks.undeleted) == {*sent, *waiting}

    finished.calls.answer(DELETE)
    assert finished.acks.undeleted == waiting


def test_a_delete_in_flight_is_not_sent_again(finished: Finished) -> None:
    finished.add(10)
    finished.acks.flush()
    finished.loop.advance(10)

    assert len(finished.calls.of(DELETE)) == 1


@pytest.mark.parametrize(
    "error", ["HTTP 503 ServiceUnavailable", "HTTP 403 AccessDenied", "Timeout"]
)
def test_deletes_of_a_failed_call_are_tried_again_until_they_succeed(
    finished: Finished, error: str
) -> None:
    three = finished.add(3)
    finished.acks.flush()
    finished.calls.answer(DELETE, error=error)
    assert (finished.deleted, set(finished.acks.undeleted)) == ([], set(three))

    finished.loop.advance(RETRY_AFTER)
    finished.calls.answer(DELETE, error=error)
    finished.loop.advance(2 * RETRY_AFTER)
    finished.calls.answer(DELETE)

    assert finished.deleted == three
    assert finished.too_late == []


def test_only_the_entries_that_failed_are_tried_again_and_in_their_order(
    finished: Finished,
) -> None:
    one, two, three, four = finished.add(4)
    finished.calls.refused = {two.receipt_handle: "InternalError", three.receipt_handle: "Oops"}
    finished.acks.flush()
    finished.calls.answer(DELETE)
    finished.calls.refused.clear()
    finished.loop.advance(RETRY_AFTER)

    assert finished.calls.of(DELETE)[1].handles == [two.receipt_handle, three.receipt_handle]
    finished.calls.answer(DELETE)
    assert names(finished.deleted) == names([one, four, two, three])


@pytest.mark.parametrize(
    "code",
    [
        "ReceiptHandleIsInvalid",
        "AWS.SimpleQueueService.ReceiptHandleIsInvalid",
        "MessageNotInflight",
    ],
)
def test_a_delete_after_the_end_of_its_lease_is_reported_once_and_not_tried_again(
    finished: Finished, caplog: pytest.LogCaptureFixture, code: str
) -> None:
    kept, late = finished.add(2)
    finished.calls.refused = {late.receipt_handle: code}
    finished.acks.flush()
    with caplog.at_level(logging.WARNING, "celery_sqs_fifo"):
        finished.calls.answer(DELETE)
        finished.loop.advance(60)

    assert (finished.deleted, finished.too_late) == ([kept], [late])
    assert [record.message for record in caplog.records] == ["delete_too_late"]
    assert caplog.records[0].__dict__["message_id"] == late.message_id
    assert len(finished.calls.of(DELETE)) == 1
    assert finished.acks.undeleted == []


def test_a_newly_finished_message_does_not_resend_all_failed_deletes(
    finished: Finished,
) -> None:
    """With 200 failed deletes, each event would otherwise cost 20 calls to a throttling SQS."""
    finished.add(10)
    finished.calls.answer(DELETE, error="HTTP 400 ThrottlingException")
    finished.add(1)
    finished.loop.advance(RETRY_AFTER / 5)
    assert len(finished.calls.of(DELETE)) == 1

    finished.loop.advance(RETRY_AFTER)
    finished.calls.answer(DELETE)
    finished.calls.answer(DELETE)
    assert len(finished.deleted) == 11


def test_refused_deletes_are_tried_again_with_growing_delays(finished: Finished) -> None:
    finished.calls.errors = {DELETE: REFUSED}
    finished.calls.at_once = {DELETE}
    finished.add(200)
    finished.loop.advance(10 * 60)
    assert len(finished.calls.made) <= 30

    finished.calls.errors.clear()
    finished.loop.advance(LONGEST)
    assert len(finished.deleted) == 200


def test_while_deletes_are_refused_only_one_batch_is_tried_at_a_time(finished: Finished) -> None:
    finished.add(30)
    finished.calls.errors = {DELETE: REFUSED}
    finished.calls.answer_all(DELETE)
    before = len(finished.calls.made)
    finished.loop.advance(LONGEST)
    finished.add(10)
    assert len(finished.calls.made) == before + 1

    finished.calls.errors.clear()
    while finished.acks.number:
        finished.calls.answer_all(DELETE)
    assert len(finished.deleted) == 40


def test_calls_that_fail_at_the_same_time_count_as_one_refusal(finished: Finished) -> None:
    finished.add(100)
    finished.calls.errors = {DELETE: REFUSED}
    finished.calls.answer_all(DELETE)
    before = len(finished.calls.made)
    finished.loop.advance(RETRY_AFTER)

    assert len(finished.calls.made) == before + 1


def test_an_entry_that_sqs_always_refuses_does_not_delay_the_others(finished: Finished) -> None:
    finished.calls.at_once = {DELETE}
    bad = delivery()
    finished.calls.refused = {bad.receipt_handle: "InternalError"}
    finished.acks.add(bad)
    for _ in range(20):
        finished.add(10)
        finished.loop.advance(RETRY_AFTER)

    assert finished.acks.undeleted == [bad]


def test_more_than_ten_are_deleted_in_batches_of_ten(finished: Finished) -> None:
    finished.add(10)
    finished.calls.answer(DELETE, error="HTTP 500 InternalError")
    finished.loop.advance(RETRY_AFTER / 2)
    finished.add(3)
    finished.acks.flush()

    assert all(len(call.handles) <= 10 for call in finished.calls.of(DELETE))
    finished.calls.answer_all(DELETE)
    assert len(finished.deleted) == 13


def test_a_flush_at_shutdown_tries_each_delete_once_when_sqs_is_down(finished: Finished) -> None:
    finished.calls.wait = True
    finished.calls.errors = {DELETE: "EndpointConnectionError"}
    finished.add(10)
    before = len(finished.calls.made)
    finished.acks.flush()

    assert len(finished.calls.made) == before + 1
    assert len(finished.acks.undeleted) == 10
