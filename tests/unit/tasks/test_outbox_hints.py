"""A hint is published for the first of several answers at once, and for the others later."""

from dataclasses import dataclass, field

import pytest

from tasks.outbox_hints import Hints


@dataclass
class Clock:
    """A clock that tests set, and the times at which hints were published."""

    now: float = 100.0
    hints: list[float] = field(default_factory=list)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def hints(clock: Clock) -> Hints:
    return Hints(publish=lambda: clock.hints.append(clock.now), now=lambda: clock.now)


def test_an_answer_publishes_a_hint_at_once_and_other_events_none(
    hints: Hints, clock: Clock
) -> None:
    hints.note(has_answers=False)
    assert clock.hints == []

    hints.note(has_answers=True)
    assert clock.hints == [100.0]


def test_answers_within_two_seconds_publish_one_more_hint_with_the_next_event_after_them(
    hints: Hints, clock: Clock
) -> None:
    for seconds, has_answers in ((0, True), (0.5, True), (1.9, True), (2, False), (9, False)):
        clock.now = 100.0 + seconds
        hints.note(has_answers=has_answers)

    assert clock.hints == [100.0, 102.0]


def test_a_hint_that_cannot_be_published_is_not_repeated_at_once(clock: Clock) -> None:
    def fail() -> None:
        clock.hints.append(clock.now)
        raise ConnectionError

    failing = Hints(publish=fail, now=lambda: clock.now)
    with pytest.raises(ConnectionError):
        failing.note(has_answers=True)
    failing.note(has_answers=True)

    assert clock.hints == [100.0]
