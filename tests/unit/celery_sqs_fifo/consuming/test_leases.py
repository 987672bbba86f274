"""Leases: renewed while a message is held, and ended when it is given back."""

import pytest

from celery_sqs_fifo.consuming.leases import Leases
from celery_sqs_fifo.consuming.reports import Report
from celery_sqs_fifo.delivery import Delivery
from tests.support.fake_calls import FakeCalls, delivery
from tests.support.fake_loop import FakeLoop

CHANGE = "ChangeMessageVisibilityBatch"
TIMEOUT = 60


class Kept:
    """Leases with fakes around them, and the leases that they reported as lost."""

    def __init__(self) -> None:
        self.calls = FakeCalls()
        self.loop = FakeLoop()
        self.lost: list[Delivery] = []
        self.visibility = Leases(
            calls=self.calls,  # type: ignore[arg-type]
            queue_url="queue",
            timeout=TIMEOUT,
            now=self.loop.monotonic,
            report=self._report,
        )

    def _report(self, report: Report, lost: Delivery) -> None:
        assert report is Report.LEASE_LOST
        self.lost.append(lost)

    def held(self, *, left: float) -> Delivery:
        return delivery(now=self.loop.now - TIMEOUT + left, lease=TIMEOUT)


@pytest.fixture
def leases() -> Kept:
    return Kept()


def test_leases_are_renewed_only_when_less_than_half_is_left(leases: Kept) -> None:
    soon, exactly_half, fresh = (leases.held(left=left) for left in (29.9, 30.0, 60.0))

    leases.visibility.extend([soon, exactly_half, fresh])

    assert leases.calls.renewed == [soon.receipt_handle]
    (call,) = leases.calls.of(CHANGE)
    assert call.parameters["Entries"][0]["VisibilityTimeout"] == TIMEOUT


def test_without_leases_to_renew_nothing_is_called(leases: Kept) -> None:
    leases.visibility.extend([leases.held(left=60)])
    leases.visibility.release([])

    assert not leases.calls.made


def test_a_renewed_lease_counts_from_the_time_of_the_call(leases: Kept) -> None:
    held = leases.held(left=10)
    asked_at = leases.loop.now
    leases.visibility.extend([held])
    leases.loop.advance(5)
    leases.calls.answer(CHANGE)

    assert held.lease_until == asked_at + TIMEOUT
    leases.visibility.extend([held])
    assert len(leases.calls.made) == 1


def test_changes_go_in_batches_of_ten(leases: Kept) -> None:
    leases.visibility.extend([leases.held(left=1) for _ in range(23)])
    leases.visibility.release([leases.held(left=1) for _ in range(11)])

    assert [len(call.handles) for call in leases.calls.of(CHANGE)] == [10, 10, 3, 10, 1]


def test_a_lost_lease_is_reported_and_the_others_of_the_batch_are_renewed(leases: Kept) -> None:
    lost, kept = leases.held(left=1), leases.held(left=1)
    leases.calls.refused = {lost.receipt_handle: "ReceiptHandleIsInvalid"}
    leases.visibility.extend([lost, kept])
    leases.calls.answer(CHANGE)

    assert leases.lost == [lost]
    assert kept.lease_until == leases.loop.now + TIMEOUT


def test_a_renewal_that_failed_as_a_whole_loses_nothing_and_is_tried_again(leases: Kept) -> None:
    held = leases.held(left=20)
    leases.visibility.extend([held])
    leases.calls.answer(CHANGE, error="HTTP 503 ServiceUnavailable")
    assert leases.lost == []

    leases.visibility.extend([held])
    leases.calls.answer(CHANGE)
    assert held.lease_until == leases.loop.now + TIMEOUT


def test_released_messages_are_visible_at_once_in_their_order(leases: Kept) -> None:
    three = [leases.held(left=60) for _ in range(3)]
    leases.visibility.release(three)

    assert leases.calls.released == [one.receipt_handle for one in three]


def test_release_takes_a_generator(leases: Kept) -> None:
    leases.visibility.release(leases.held(left=60) for _ in range(12))

    assert [len(call.handles) for call in leases.calls.of(CHANGE)] == [10, 2]


def test_extend_takes_a_generator(leases: Kept) -> None:
    leases.visibility.extend(leases.held(left=1) for _ in range(12))

    assert [len(call.handles) for call in leases.calls.of(CHANGE)] == [10, 2]


def test_a_release_that_fails_is_no_lost_lease(leases: Kept) -> None:
    held = leases.held(left=60)
    leases.calls.refused = {held.receipt_handle: "ReceiptHandleIsInvalid"}
    leases.visibility.release([held])
    leases.calls.answer(CHANGE)

    assert leases.lost == []


@pytest.mark.parametrize(("left", "nearly_over"), [(5.9, True), (6.0, False), (-1.0, True)])
def test_a_lease_is_nearly_over_when_less_than_a_tenth_is_left(
    leases: Kept, left: float, nearly_over: bool
) -> None:
    assert leases.visibility.is_nearly_over(leases.held(left=left)) is nearly_over
