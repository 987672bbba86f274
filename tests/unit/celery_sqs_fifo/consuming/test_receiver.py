"""The receiver makes one long poll after the other, and continues after every fault.

In stock kombu, a failed receive ends the worker, and a lost connection may stop polling for ever.
The tests of faults in this file are regression tests for both.
"""

import logging
from collections.abc import Callable
from time import time

import pytest

from celery_sqs_fifo import Backoff
from celery_sqs_fifo.aws import SYSTEM_ATTRIBUTES
from celery_sqs_fifo.consuming import receiver as receiver_module
from celery_sqs_fifo.consuming.receiver import REPEAT_WITHIN, Receiver
from celery_sqs_fifo.consuming.sqs_calls import LostAnswer
from celery_sqs_fifo.delivery import Delivery
from tests.support.fake_calls import FakeCalls, names, sqs_message
from tests.support.fake_loop import FakeLoop, use_clock_of

RECEIVE = "ReceiveMessage"
FAULTS = (
    "HTTP 500 InternalError",
    "HTTP 503 ServiceUnavailable",
    "HTTP 403 ExpiredToken",
    "HTTP 400 QueueDoesNotExist",
    "HTTP 400 ThrottlingException",
    "HTTP 599 Connection refused",
    "an answer that is not JSON",
    "NoCredentialsError",
)


class Polls:
    """A receiver with fake collaborators, and the messages that it received."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, gather_for: float = 0.0) -> None:
        self.calls = FakeCalls()
        self.loop = FakeLoop()
        use_clock_of(self.loop, monkeypatch)
        self.wanted = True
        self.received: list[Delivery] = []
        self.on_received: Callable[[list[Delivery]], None] = self.received.extend
        self.receiver = Receiver(
            calls=self.calls,  # type: ignore[arg-type]
            queue_url="queue",
            wait_time=2,
            gather_for=gather_for,
            visibility_timeout=60,
            backoff=Backoff(first=0.5, longest=30),
            call_later=self.loop.call_later,
            wants_more=lambda: self.wanted,
            # A lambda, because tests replace the method later.
            on_received=lambda deliveries: self.on_received(deliveries),  # noqa: PLW0108
        )

    @property
    def number(self) -> int:
        return len(self.calls.of(RECEIVE))

    def fail(self, error: str = FAULTS[0]) -> float:
        """Fail the open poll. Return the time until the next poll, in seconds."""
        number, before = self.number, self.loop.now
        self.calls.answer(RECEIVE, error=error)
        assert self.number == number
        self.loop.advance(self.loop.delays[0])
        assert self.number == number + 1
        return self.loop.now - before


@pytest.fixture
def polls(monkeypatch: pytest.MonkeyPatch) -> Polls:
    polls = Polls(monkeypatch)
    polls.receiver.receive()
    return polls


def test_a_long_poll_requests_ten_messages_with_all_their_attributes(polls: Polls) -> None:
    (call,) = polls.calls.made
    assert (call.action, call.queue_url) == (RECEIVE, "queue")
    attempt = call.parameters.pop("ReceiveRequestAttemptId")
    assert len(attempt) == 32
    assert call.parameters == {
        "MaxNumberOfMessages": 10,
        "WaitTimeSeconds": 2,
        "VisibilityTimeout": 60,
        "MessageAttributeNames": ["All"],
        "MessageSystemAttributeNames": list(SYSTEM_ATTRIBUTES),
    }


@pytest.fixture
def gathering(monkeypatch: pytest.MonkeyPatch) -> Polls:
    """A receiver that gathers messages for 0.2 seconds."""
    polls = Polls(monkeypatch, gather_for=0.2)
    polls.receiver.receive()
    return polls


def test_after_a_receive_that_was_not_full_messages_gather_before_the_next_one(
    gathering: Polls,
) -> None:
    gathering.calls.receive([sqs_message("1")])
    assert names(gathering.received) == ["1"]

    gathering.loop.advance(0.19)
    gathering.receiver.receive()
    assert gathering.number == 1

    gathering.loop.advance(0.01)
    assert gathering.number == 2


@pytest.mark.parametrize("number", [0, 10])
def test_after_an_empty_or_full_receive_the_next_one_follows_at_once(
    number: int, gathering: Polls
) -> None:
    gathering.calls.receive([sqs_message(str(one)) for one in range(number)])

    assert gathering.number == 2


def test_messages_that_waited_on_the_queue_are_a_backlog_and_nothing_gathers(
    gathering: Polls,
) -> None:
    waited = sqs_message("1", sent_at=time() - 1.3)
    gathering.calls.receive([waited])

    assert gathering.number == 2
    assert gathering.receiver.has_backlog


def test_nothing_is_received_after_gathering_if_there_is_no_room(gathering: Polls) -> None:
    gathering.calls.receive([sqs_message()])
    gathering.wanted = False
    gathering.loop.advance(1)
    assert gathering.number == 1

    gathering.wanted = True
    gathering.receiver.receive()
    assert gathering.number == 2


def attempts(polls: Polls) -> list[str]:
    return [call.parameters["ReceiveRequestAttemptId"] for call in polls.calls.of(RECEIVE)]


def test_a_receive_whose_answer_was_lost_is_repeated_with_its_attempt(polls: Polls) -> None:
    polls.fail(LostAnswer("Operation timed out"))
    polls.fail(LostAnswer("HTTP 503 ServiceUnavailable"))
    polls.calls.receive([sqs_message("1")])

    assert len(attempts(polls)) == 4
    assert len(set(attempts(polls)[:3])) == 1
    assert attempts(polls)[3] != attempts(polls)[2]


def test_a_receive_that_sqs_refused_is_a_new_attempt(polls: Polls) -> None:
    polls.fail("HTTP 400 ThrottlingException")

    assert len(set(attempts(polls))) == 2


def test_an_attempt_is_repeated_only_as_long_as_sqs_remembers_it(polls: Polls) -> None:
    while polls.loop.now < 1_000 + REPEAT_WITHIN:
        polls.fail(LostAnswer("Operation timed out"))

    assert len(set(attempts(polls))) == 2


def test_a_poll_that_takes_too_long_is_replaced_and_its_late_answer_ignored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    polls = Polls(monkeypatch)
    monkeypatch.setattr(receiver_module, "OVERSTAYS_AFTER", 40)
    polls.receiver.receive()
    polls.loop.advance(41)
    polls.receiver.receive()
    assert polls.number == 1

    polls.loop.advance(2)
    polls.receiver.receive()
    polls.loop.advance(1)
    assert polls.number == 2
    assert len(set(attempts(polls))) == 1

    polls.calls.receive([sqs_message("late")])
    assert polls.received == []

    polls.calls.receive([sqs_message("repeated")])
    assert names(polls.received) == ["repeated"]


def test_one_poll_is_open_at_a_time(polls: Polls) -> None:
    polls.receiver.receive()
    polls.receiver.receive()
    assert polls.number == 1

    polls.calls.receive()
    assert (polls.number, polls.calls.open) == (2, 1)


def test_received_messages_are_passed_on_in_order_with_a_lease_from_the_start_of_the_poll(
    polls: Polls,
) -> None:
    asked_at = polls.loop.now
    polls.loop.advance(2)
    polls.calls.receive([sqs_message("1"), sqs_message("2")])

    assert names(polls.received) == ["1", "2"]
    assert {one.lease_until for one in polls.received} == {asked_at + 60}
    assert polls.receiver.last_success == polls.loop.now


def test_nothing_is_received_while_enough_messages_are_held(polls: Polls) -> None:
    polls.wanted = False
    polls.calls.receive()
    polls.receiver.receive()
    polls.loop.advance(60)
    assert polls.number == 1

    polls.wanted = True
    polls.receiver.receive()
    assert polls.number == 2


@pytest.mark.parametrize("fault", FAULTS)
def test_after_any_fault_it_receives_again(polls: Polls, fault: str) -> None:
    polls.fail(fault)
    polls.calls.receive([sqs_message("after the fault")])

    assert names(polls.received) == ["after the fault"]
    assert polls.calls.open == 1


def test_after_a_thousand_faults_it_receives_again(polls: Polls) -> None:
    for _ in range(1_000):
        polls.fail()
    polls.calls.receive([sqs_message("at last")])

    assert names(polls.received) == ["at last"]


def test_the_delays_between_attempts_grow_to_a_maximum_and_are_reset_after_a_success(
    polls: Polls,
) -> None:
    assert [polls.fail() for _ in range(8)] == [0.5, 1, 2, 4, 8, 16, 30, 30]
    polls.calls.receive()
    assert polls.fail() == 0.5


def test_no_poll_is_opened_before_the_next_attempt_is_due(polls: Polls) -> None:
    polls.calls.answer(RECEIVE, error=FAULTS[0])
    polls.receiver.receive()

    assert polls.calls.open == 0


def test_an_outage_is_logged_once_and_so_is_its_end(
    polls: Polls, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "celery_sqs_fifo"):
        for _ in range(50):
            polls.fail()
        polls.calls.receive()
        polls.calls.receive()

    assert [(record.levelname, record.message) for record in caplog.records] == [
        ("WARNING", "receive_failed"),
        ("INFO", "receive_recovered"),
    ]
    assert caplog.records[0].__dict__["error"] == FAULTS[0]
    assert caplog.records[1].__dict__["failures"] == 50


def test_a_failed_poll_is_tried_again_only_when_messages_are_wanted(
    polls: Polls,
) -> None:
    polls.calls.answer(RECEIVE, error=FAULTS[0])
    polls.wanted = False
    polls.loop.advance(60)
    assert polls.number == 1

    polls.wanted = True
    polls.receiver.receive()
    assert polls.number == 2


def test_a_failed_receive_does_not_count_as_a_sign_of_life(polls: Polls) -> None:
    polls.loop.advance(1)
    polls.calls.receive()
    last_success = polls.receiver.last_success
    polls.fail()

    assert polls.receiver.last_success == last_success == 1_001.0


def test_a_message_without_attributes_affects_neither_other_messages_nor_later_receives(
    polls: Polls,
) -> None:
    broken = {**sqs_message("broken"), "Attributes": {}}
    _guarded(lambda: polls.calls.receive([sqs_message("1"), broken, sqs_message("2")]))

    assert polls.calls.open == 1
    assert names(polls.received) == ["1", "2"]


def test_an_error_while_messages_are_handled_does_not_end_receiving(polls: Polls) -> None:
    def fails(_deliveries: list[Delivery]) -> None:
        raise RuntimeError

    polls.on_received = fails
    _guarded(lambda: polls.calls.receive([sqs_message()]))

    assert polls.calls.open == 1


def _guarded(receive: Callable[[], None]) -> None:
    """Log errors of callbacks and continue, as `Calls` does."""
    try:
        receive()
    except Exception:
        logging.getLogger(__name__).exception("handling an answer failed")


@pytest.mark.parametrize(
    ("groups", "with_backlog"),
    [("a" * 10, {"a"}), ("b" + "a" * 9, {"a"}), ("a" * 9, set()), ("", set())],
    ids=["ten of one group", "ten of two", "nine of one", "none"],
)
def test_the_last_group_of_a_full_receive_has_a_backlog(
    polls: Polls, groups: str, with_backlog: set[str]
) -> None:
    messages = [sqs_message(f"m{number}", group=group) for number, group in enumerate(groups)]
    polls.calls.receive(messages)

    assert len(polls.received) == len(groups)
    assert {one.group_id for one in polls.received if one.has_backlog} == with_backlog
