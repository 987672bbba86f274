"""In `process_each` and `process_together`, a failure affects only later events of its group."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from celery_sqs_fifo import (
    WAITING,
    BatchItem,
    Outcome,
    Place,
    QueuedEvent,
    Result,
    bug_outcome,
    process_each,
    process_together,
)
from celery_sqs_fifo.running.batch import MAX_BATCH_SECONDS

FAILURES = (Result.INVALID, Result.UNAVAILABLE, Result.BUG)


class Fails(Exception):
    """An error whose outcome has this result."""

    def __init__(self, result: Result) -> None:
        super().__init__(result)
        self.result = result


@dataclass(frozen=True)
class Plan:
    """The planned result of an event in each of two steps, or None if the event does not fail."""

    group: str
    first: Result | None
    second: Result | None


ends = st.sampled_from([None, None, None, *FAILURES])
plans = st.lists(st.builds(Plan, st.sampled_from("abc"), ends, ends), max_size=10)


def outcome_of(error: Exception) -> Outcome:
    assert isinstance(error, Fails)
    return Outcome(error.result)


def item(group: str = "g", *, outcome: Outcome | None = None) -> BatchItem:
    event = QueuedEvent(message_id="id", group_id=group, place=Place(0, 1, group), body="")
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

    `all_fail` is the result of the call for all events. `bad` is the result of the first event when
    it is handled alone.
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
    place = Place(0, 1, "secret")
    event = QueuedEvent(message_id="id-1", group_id="secret", place=place, body="secret")

    assert repr([BatchItem(event, state="secret"), BatchItem(event, outcome=WAITING)]) == (
        "[id-1 ok, id-1 waiting]"
    )


class Clock:
    """A clock that advances with each event."""

    def __init__(self, *, step: float) -> None:
        self.now = 0.0
        self.step = step

    def __call__(self) -> float:
        return self.now

    def handle(self, _item: BatchItem) -> None:
        self.now += self.step


def test_the_later_events_of_a_slow_batch_are_left_for_later_runs() -> None:
    clock = Clock(step=MAX_BATCH_SECONDS / 2)
    batch = [item("a"), item("b"), item("c"), item("c")]
    process_each(batch, clock.handle, outcome_of=outcome_of, now=clock)

    assert [one.outcome for one in batch] == [None, None, WAITING, WAITING]


class Locked(Exception):
    """An error whose outcome is local."""


def local_outcome(error: Exception) -> Outcome:
    if isinstance(error, Locked):
        return LOCKED
    return outcome_of(error)


LOCKED = Outcome(Result.UNAVAILABLE, "unavailable", "locked", is_local=True)


def run_scopes(
    batch: list[BatchItem], *, locked: str = "", down: str = "", bad: str = ""
) -> list[str]:
    """Run a step in which some scopes fail. Return the events of each call for several events."""
    calls: list[str] = []

    def handle_all(items: list[BatchItem]) -> None:
        scopes = "".join(one.event.group_id[0] for one in items)
        calls.append(scopes)
        for result, failing in ((Result.UNAVAILABLE, down), (Result.BUG, bad)):
            if len(calls) > 1 and set(scopes) & set(failing):
                raise Fails(result)
        if set(scopes) & set(locked):
            raise Locked

    process_together(
        batch,
        handle_all=handle_all,
        handle=lambda one: handle_all([one]),
        outcome_of=local_outcome,
        scope_of=lambda one: one.event.group_id[0],
    )
    return calls


def test_a_local_failure_holds_only_the_events_of_its_scope() -> None:
    batch = [item("p1"), item("q1"), item("p2"), item("q2")]

    assert run_scopes(batch, locked="p") == ["pqpq", "pp", "qq"]
    assert [one.outcome for one in batch] == [LOCKED, None, LOCKED, None]


def test_a_local_failure_of_one_scope_is_not_repeated() -> None:
    batch = [item("p1"), item("p2")]

    assert run_scopes(batch, locked="p") == ["pp"]
    assert [one.outcome for one in batch] == [LOCKED, LOCKED]


def test_local_failures_of_three_scopes_are_an_outage_for_the_rest() -> None:
    batch = [item(f"{scope}1") for scope in "pqrst"]

    assert run_scopes(batch, locked="pqrst") == ["pqrst", "p", "q", "r"]
    assert [one.outcome for one in batch] == [LOCKED] * 5


def test_events_of_a_group_stay_together_even_if_their_scopes_differ() -> None:
    batch = [item("g"), item("g"), item("h")]
    scopes = iter("pqr")
    calls: list[int] = []

    def handle_all(items: list[BatchItem]) -> None:
        calls.append(len(items))
        if len(calls) == 1:
            raise Locked

    process_together(
        batch,
        handle_all=handle_all,
        handle=lambda _one: None,
        outcome_of=local_outcome,
        scope_of=lambda _one: next(scopes),
    )

    assert calls == [3, 2, 1]


def test_after_another_error_the_events_of_a_scope_run_one_by_one() -> None:
    batch = [item("p1"), item("q1")]
    run_scopes(batch, locked="p", bad="q")

    assert [one.outcome for one in batch] == [LOCKED, WAITING]
