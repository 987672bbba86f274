"""The benchmarks find every violation of the order in a journal."""

from collections.abc import Iterable

from bench.common.journal import Order, done, order_of, repeated, seconds
from testbed.journal import Line
from testbed.steps import STEPS

Entry = tuple[str, str, int, int]


def _lines(entries: Iterable[Entry]) -> list[Line]:
    """Return journal lines of one group. Each is given as verb, step, number and process."""
    return [
        Line(verb=verb, step=step, group="g", number=number, pid=pid, at=at)
        for at, (verb, step, number, pid) in enumerate(entries)
    ]


def _whole(*, number: int, pid: int) -> list[Entry]:
    return [(verb, step, number, pid) for step in STEPS for verb in ("began", "did")]


def test_events_one_after_the_other_are_in_order() -> None:
    lines = _lines([*_whole(number=0, pid=1), *_whole(number=1, pid=2)])
    assert order_of(lines) == Order(inversions=0, begun_early=0, together=0)


def test_a_later_event_that_takes_effect_first_is_an_inversion() -> None:
    lines = _lines([*_whole(number=1, pid=1), *_whole(number=0, pid=1)])
    assert order_of(lines) == Order(inversions=1, begun_early=0, together=0)


def test_an_event_that_begins_between_the_steps_of_an_earlier_one_is_early() -> None:
    first, *rest = [_whole(number=0, pid=1)[start : start + 2] for start in (0, 2, 4)]
    lines = _lines([*first, *_whole(number=1, pid=2), *(entry for step in rest for entry in step)])
    assert order_of(lines) == Order(inversions=1, begun_early=1, together=0)


def test_a_step_that_begins_during_another_step_of_its_group_is_counted() -> None:
    lines = _lines(
        [
            ("began", "first", 0, 1),
            ("began", "first", 1, 2),
            ("did", "first", 0, 1),
            ("did", "first", 1, 2),
        ]
    )
    assert order_of(lines).together == 1


def test_a_step_that_never_ended_does_not_overlap_later_steps() -> None:
    lines = _lines([("began", "second", 0, 1), *_whole(number=0, pid=2)])
    assert order_of(lines).together == 0


def test_only_the_last_step_is_an_effect_and_a_second_run_is_a_repeat() -> None:
    assert done(_lines([("did", "first", 0, 1), ("did", "third", 1, 1)])) == {("g", 1)}
    assert repeated(_lines([("did", "first", 0, 1), ("did", "first", 0, 2)])) == 1


def test_the_duration_runs_from_the_first_step_to_the_last_effect() -> None:
    events = [entry for number in range(4) for entry in _whole(number=number, pid=1)]

    # Each event has six lines, one nanosecond apart. The last of them is its effect.
    assert seconds(_lines(events)) * 1e9 == 23
    assert seconds(_lines(events), share=0.5) * 1e9 == 23 - 17
    assert seconds(_lines(events[:1])) == 0
