"""`process_each` and `process_together`: a failure affects only the later events of its group."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from celery_sqs_fifo import (
    WAITING,
    BatchItem,
    Outcome,
    QueuedEvent,
    Result,
    bug_outcome,
    process_each,
    process_together,
)

FAILURES = (Result.INVALID, Result.UNAVAILABLE, Result.BUG)


class Fails(Exception):
    """An error whose outcome has this result."""

    def __init__(self, result: Result) -> None:
        super().__init__(result)
        self.result = result


@dataclass(frozen=True)
class Plan:
    """The result of one event in each of two steps; None if the step ends without one."""

    group: str
    first: Result | None
    second: Result | None


ends = st.sampled_from([None, None, None, *FAILURES])
plans = st.lists(st.builds(Plan, st.sampled_from("abc"), ends, ends), max_size=10)


def outcome_of(error: Exception) -> Outcome:
    assert isinstance(error, Fails)
    return Outcome(error.result)


def item(group: str = "g", *, outcome: Outcome | None = None) -> BatchItem:
    event = QueuedEvent(message_id="id", group_id=group, sequence_number="1", sent_at=0, body="")
    return BatchItem(event, outcome=outcome)


def run(batch: list[BatchItem], ending: Callable[[int], Result | None]) -> list[int]:
    """Run one step, and return the indexes of the events that were handled without an error."""
    effects = []

    def handle(one: BatchItem) -> None:
        place = next(place for place, other in enumerate(batch) if other is one)
        if result := ending(place):
            raise Fails(result)
        effects.append(place)

    process_each(batch, handle, outcome_of=outcome_of)
    return effects


@settings(derandomize=True, max_examples=300)
@given(plans)
def test_no_event_takes_effect_after_an_earlier_one_of_its_group_failed(plan: list[Plan]) -> None:
    batch = [item(one.group) for one in plan]
    steps = [
        run(batch, lambda place: plan[place].first),
        run(batch, lambda place: plan[place].second),
    ]

    for effects in steps:
        assert effects == sorted(effects)
    for place, one in enumerate(batch):
        earlier = [other for other in batch[:place] if other.event.group_id == one.event.group_id]
        failed = [
            other for other in earlier if other.outcome and other.outcome.result in FAILURES[1:]
        ]
        if failed:
            assert one.outcome is not None
            assert place not in steps[1]
        else:
            own = plan[place].first or plan[place].second
            assert one.outcome == (Outcome(own) if own else None)


@settings(derandomize=True, max_examples=100)
@given(plans)
def test_a_waiting_event_always_has_an_earlier_failed_event_of_its_group(plan: list[Plan]) -> None:
    batch = [item(one.group) for one in plan]
    run(batch, lambda place: plan[place].first)

    for place, one in enumerate(batch):
        if one.outcome == WAITING:
            earlier = [w.outcome for w in batch[:place] if w.event.group_id == one.event.group_id]
            assert {Outcome(Result.BUG), Outcome(Result.UNAVAILABLE)} & set(earlier)


@pytest.mark.parametrize("result", [Result.UNAVAILABLE, Result.BUG])
def test_a_failure_makes_only_the_later_events_of_its_group_wait(result: Result) -> None:
    batch = [item("a"), item("b"), item("a"), item("b")]
    effects = run(batch, lambda place: result if place == 0 else None)

    assert effects == [1, 3]
    assert [one.outcome for one in batch] == [Outcome(result), None, WAITING, None]


def test_an_invalid_event_makes_no_event_wait() -> None:
    batch = [item(), item()]

    assert run(batch, lambda place: Result.INVALID if place == 0 else None) == [1]
    assert batch[1].outcome is None


def test_a_waiting_event_makes_the_next_event_of_its_group_wait() -> None:
    batch = [item(outcome=WAITING), item()]

    assert run(batch, lambda _place: None) == []
    assert batch[1].outcome == WAITING


def test_an_event_with_an_outcome_is_not_handled_again() -> None:
    invalid = Outcome(Result.INVALID, "malformed")
    batch = [item("a", outcome=invalid), item("b")]

    assert run(batch, lambda _place: None) == [1]
    assert batch[0].outcome is invalid


class Together:
    """A step that uses `process_together`, and records how each event was handled.

    `all_fail` is the result of the call for all events, `bad` that of the first event alone.
    """

    def __init__(self, *, all_fail: Result | None = None, bad: Result | None = None) -> None:
        self.all_fail = all_fail
        self.bad = bad
        self.in_one_call: list[BatchItem] = []
        self.one_by_one: list[BatchItem] = []

    def run(self, batch: list[BatchItem]) -> list[Outcome | None]:
        """Run the step, and return the outcomes."""

        def handle_all(pending: list[BatchItem]) -> None:
            if self.all_fail:
                raise Fails(self.all_fail)
            self.in_one_call += pending

        def handle(one: BatchItem) -> None:
            if self.bad and one is batch[0]:
                raise Fails(self.bad)
            self.one_by_one.append(one)

        process_together(batch, handle_all=handle_all, handle=handle, outcome_of=outcome_of)
        return [one.outcome for one in batch]


def test_process_together_handles_all_pending_events_with_one_call() -> None:
    ended = item("z", outcome=Outcome(Result.INVALID))
    a, b = item("a"), item("b")
    step = Together()

    assert step.run([ended, a, b]) == [Outcome(Result.INVALID), None, None]
    assert (step.in_one_call, step.one_by_one) == ([a, b], [])


def test_a_single_pending_event_is_handled_without_the_call_for_all() -> None:
    only = item()
    step = Together(all_fail=Result.BUG)

    assert step.run([only]) == [None]
    assert step.one_by_one == [only]


def test_when_a_dependency_is_unavailable_the_events_are_not_tried_one_by_one() -> None:
    batch = [item("a"), item("a"), item("b")]
    step = Together(all_fail=Result.UNAVAILABLE)

    assert {one.result for one in step.run(batch) if one} <= {Result.UNAVAILABLE, Result.WAITING}
    assert all(one.outcome for one in batch)
    assert step.one_by_one == []


@pytest.mark.parametrize("all_fail", [Result.BUG, Result.INVALID])
def test_after_any_other_error_only_the_event_at_fault_fails(all_fail: Result) -> None:
    batch = [item("a"), item("a"), item("b")]
    step = Together(all_fail=all_fail, bad=Result.BUG)

    assert step.run(batch) == [Outcome(Result.BUG), WAITING, None]
    assert step.one_by_one == [batch[2]]


def test_a_bug_has_the_location_of_its_error_and_not_the_text() -> None:
    def deep_in_a_step() -> None:
        raise ValueError("a secret")

    with pytest.raises(ValueError, match="secret") as raised:
        deep_in_a_step()
    outcome = bug_outcome(raised.value)

    assert (outcome.result, outcome.reason) == (Result.BUG, "bug")
    assert "secret" not in outcome.error
    assert outcome.error.endswith("deep_in_a_step > ValueError")
    assert "test_batch.py:" in outcome.error
    assert "/" not in outcome.error


def test_a_bug_names_only_the_last_frames_of_a_deep_traceback() -> None:
    def recurse(depth: int) -> None:
        if not depth:
            raise KeyError
        recurse(depth - 1)

    with pytest.raises(KeyError) as raised:
        recurse(50)

    assert bug_outcome(raised.value).error.count(" recurse") == 5


def test_a_batch_item_shows_only_its_id_and_its_result() -> None:
    event = QueuedEvent(
        message_id="id-1", group_id="secret", sequence_number="1", sent_at=0, body="secret"
    )

    assert repr([BatchItem(event, state="secret"), BatchItem(event, outcome=WAITING)]) == (
        "[id-1 ok, id-1 waiting]"
    )
