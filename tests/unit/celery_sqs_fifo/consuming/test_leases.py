"""A lease is renewed while its message is held, and ended when the message is given back."""

from collections.abc import Sequence

import pytest

from celery_sqs_fifo import Backoff
from celery_sqs_fifo.consuming.leases import Leases
from celery_sqs_fifo.consuming.reports import Report
from celery_sqs_fifo.consuming.sqs_calls import LostAnswer
from celery_sqs_fifo.delivery import Delivery
from tests.support.fake_calls import FakeCalls, delivery
from tests.support.fake_loop import FakeLoop

CHANGE = "ChangeMessageVisibilityBatch"
TIMEOUT = 60


class Kept:
    """A `Leases` object with fake collaborators, and the leases that it reported as lost."""

    def __init__(self) -> None:
        self.calls = FakeCalls()
        self.loop = FakeLoop()
        self.lost: list[Delivery] = []
        self.visibility = Leases(
            calls=self.calls,  # type: ignore[arg-type]
            queue_url="queue",
            timeout=TIMEOUT,
            backoff=Backoff(first=0.5, longest=30),
            now=self.loop.monotonic,
            call_later=self.loop.call_later,
            report=self._report,
        )

    def _report(self, report: Report, lost: Sequence[Delivery]) -> None:
        assert report is Report.LEASE_LOST
        self.lost += lost

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


def test_leases_are_changed_in_batches_of_ten(leases: Kept) -> None:
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


def test_a_throttled_renewal_of_a_lease_is_tried_again(leases: Kept) -> None:
    held = leases.held(left=20)
    leases.calls.refused = {held.receipt_handle: "RequestThrottled"}
    leases.visibility.extend([held])
    leases.calls.answer(CHANGE)
    assert leases.lost == []

    leases.visibility.extend([held])
    assert leases.calls.renewed == [held.receipt_handle] * 2


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


@pytest.mark.parametrize("error", ["HTTP 403 AccessDenied", LostAnswer("HTTP 503 Unavailable")])
def test_a_release_that_fails_is_repeated_until_it_succeeds(leases: Kept, error: str) -> None:
    held = leases.held(left=3_600)
    leases.visibility.release([held])
    delays = []
    for _ in range(8):
        leases.calls.answer(CHANGE, error=error)
        delays += leases.loop.delays
        leases.loop.advance(delays[-1])
    leases.calls.answer(CHANGE)
    leases.loop.advance(3_600)

    assert delays == [0.5, 1, 2, 4, 8, 16, 30, 30]
    assert leases.calls.released == [held.receipt_handle] * 9


def test_only_the_messages_that_sqs_did_not_release_are_released_again(leases: Kept) -> None:
    one, throttled, late = (leases.held(left=60) for _ in range(3))
    leases.calls.refused = {
        throttled.receipt_handle: "RequestThrottled",
        late.receipt_handle: "MessageNotInflight",
    }
    leases.visibility.release([one, throttled, late])
    leases.calls.answer(CHANGE)
    leases.loop.advance(0.5)

    assert leases.calls.of(CHANGE)[-1].handles == [throttled.receipt_handle]


def test_a_release_is_not_repeated_after_its_lease_has_ended(leases: Kept) -> None:
    leases.calls.errors = {CHANGE: "HTTP 403 AccessDenied"}
    leases.calls.at_once = {CHANGE}
    leases.visibility.release([leases.held(left=60)])
    leases.loop.advance(600)

    assert [call.handles for call in leases.calls.made] == [leases.calls.made[0].handles] * 7
    assert leases.loop.delays == []


def test_at_shutdown_failed_releases_are_repeated_immediately_and_a_bounded_number_of_times(
    leases: Kept,
) -> None:
    held = leases.held(left=3_600)
    leases.visibility.release([held])
    leases.calls.answer(CHANGE, error="HTTP 403 AccessDenied")
    leases.calls.errors = {CHANGE: "HTTP 403 AccessDenied"}
    leases.calls.wait = True
    leases.visibility.release_failed()

    assert len(leases.calls.made) == 3
    leases.loop.advance(3_600)
    assert len(leases.calls.made) == 3


def test_release_takes_a_generator(leases: Kept) -> None:
    leases.visibility.release(leases.held(left=60) for _ in range(12))

    assert [len(call.handles) for call in leases.calls.of(CHANGE)] == [10, 2]


def test_extend_takes_a_generator(leases: Kept) -> None:
    leases.visibility.extend(leases.held(left=1) for _ in range(12))

    assert [len(call.handles) for call in leases.calls.of(CHANGE)] == [10, 2]


def test_a_release_that_fails_is_not_a_lost_lease(leases: Kept) -> None:
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
