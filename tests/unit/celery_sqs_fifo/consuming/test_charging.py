"""An unexpected failure is charged to its event only after a later run has succeeded."""

import pytest

from celery_sqs_fifo import Outcome, Result
from celery_sqs_fifo.consuming.charging import LOST, Charging, cause_of
from celery_sqs_fifo.delivery import Delivery
from tests.support.fake_calls import delivery

BUG = Outcome(Result.BUG, "bug", "a.py:1 f > KeyError")
UNAVAILABLE = Outcome(Result.UNAVAILABLE, "unavailable", "down")


def anything(_delivery: Delivery) -> bool:
    """Return True: a successful run proves that the dependencies of every event work."""
    return True


def succeed(charging: Charging, *, held: list[Delivery]) -> list[Delivery]:
    """Begin a run, and note its success. Return the events that have used up their runs."""
    return charging.note_success(charging.begin(), held=held, proves=anything)


@pytest.fixture
def charging() -> Charging:
    return Charging(max_runs=2)


def test_a_failure_is_charged_when_a_run_that_began_later_succeeds(
    charging: Charging,
) -> None:
    failed = delivery()
    charging.begin([failed])
    charging.note_failure(failed, BUG)
    assert (failed.bugs, charging.has_uncharged) == (0, True)

    succeed(charging, held=[failed])
    assert (failed.bugs, charging.has_uncharged) == (1, False)


def test_a_run_that_began_before_the_failure_charges_nothing(charging: Charging) -> None:
    """The outage may have begun after that run had made its last write."""
    failed = delivery()
    other = charging.begin()
    charging.begin([failed])
    another = charging.begin()
    charging.note_failure(failed, BUG)
    for begun in (other, another):
        charging.note_success(begun, held=[failed], proves=anything)

    assert (failed.bugs, charging.has_uncharged) == (0, True)


def test_an_event_of_the_same_batch_charges_nothing(charging: Charging) -> None:
    failed, done = delivery("failed"), delivery("done")
    begun = charging.begin([failed, done])
    charging.note_failure(failed, BUG)
    charging.note_success(begun, held=[failed], proves=anything)

    assert (failed.begun, done.begun, failed.bugs) == (begun, begun, 0)


def test_a_run_that_does_not_prove_that_the_dependencies_of_an_event_work_charges_nothing(
    charging: Charging,
) -> None:
    plain, answer = delivery("plain"), delivery("answer")
    answer.kind = "answer"
    for failed in (plain, answer):
        charging.note_failure(failed, BUG)
    charging.note_success(
        charging.begin(), held=[plain, answer], proves=lambda failed: failed.kind == ""
    )

    assert (plain.bugs, answer.bugs, charging.has_uncharged) == (1, 0, True)


def test_a_failure_is_charged_once(charging: Charging) -> None:
    failed = delivery()
    charging.note_failure(failed, BUG)
    for _ in range(5):
        succeed(charging, held=[failed])

    assert failed.bugs == 1


def test_if_all_events_fail_repeatedly_only_the_last_failure_is_charged(
    charging: Charging,
) -> None:
    """All events fail in an outage, and the first one that succeeds ends it."""
    events = [delivery(f"{number}") for number in range(10)]
    for _ in range(100):
        for event in events:
            charging.begin([event])
            charging.note_failure(event, BUG)
    assert [event.bugs for event in events] == [0] * 10

    assert succeed(charging, held=events) == []
    assert [event.bugs for event in events] == [1] * 10


def test_an_event_has_used_up_its_runs_when_enough_failures_are_charged(
    charging: Charging,
) -> None:
    bad, other = delivery("bad"), delivery("other")
    charging.note_failure(other, BUG)
    used_up = []
    for _ in range(2):
        charging.note_failure(bad, BUG)
        used_up.append(succeed(charging, held=[bad, other]))

    assert used_up == [[], [bad]]
    assert other.bugs == 1


def test_neither_an_unavailable_dependency_nor_an_earlier_failure_is_charged(
    charging: Charging,
) -> None:
    failed = delivery()
    charging.note_failure(failed, BUG)
    charging.note_failure(failed, UNAVAILABLE)
    succeed(charging, held=[failed])

    assert (failed.bugs, charging.has_uncharged) == (0, False)


def lost(charging: Charging, *, times: int) -> Delivery:
    """Return an event whose process was lost this many times. All but the last are charged."""
    one = delivery(f"lost {times} times")
    one.failure = LOST
    for _ in range(times):
        succeed(charging, held=[one])
        charging.begin([one])
        charging.note_failure(one, LOST)
    return one


def test_a_recovery_of_another_event_forgives_one_lost_process_of_each_event() -> None:
    charging = Charging(max_runs=5)
    once, often = lost(charging, times=1), lost(charging, times=3)
    charging.forgive_lost([once, often])
    succeed(charging, held=[once, often])
    assert (once.bugs, often.bugs) == (0, 2)

    charging.forgive_lost([once, often])
    assert (once.bugs, often.bugs) == (0, 1)


def test_a_recovery_from_a_lost_process_forgives_no_other_failure(charging: Charging) -> None:
    failed = delivery()
    failed.failure = BUG
    charging.begin([failed])
    charging.note_failure(failed, BUG)
    charging.forgive_lost([failed])

    assert succeed(charging, held=[failed]) == []
    assert failed.bugs == 1


def test_events_that_are_no_longer_held_are_forgotten(charging: Charging) -> None:
    charging.note_failure(delivery(), BUG)

    assert succeed(charging, held=[]) == []
    assert charging.has_uncharged is False


@pytest.mark.parametrize(
    ("outcome", "cause"),
    [
        (BUG, "a.py:1 f > KeyError"),
        (Outcome(Result.BUG, "bug", "a.py:1 f > b.py:2 g > ValueError"), "b.py:2 g > ValueError"),
        (Outcome(Result.BUG, "bug", "ValueError"), "ValueError"),
        (Outcome(Result.BUG, "bug"), "bug"),
        (LOST, "lost"),
    ],
)
def test_a_cause_is_the_innermost_frame_and_the_type_of_the_error(
    outcome: Outcome, cause: str
) -> None:
    assert cause_of(outcome) == cause


def test_the_length_of_a_cause_is_bounded() -> None:
    assert len(cause_of(Outcome(Result.BUG, "bug", "x" * 10_000))) == 200
