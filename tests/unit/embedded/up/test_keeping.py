"""A child that ends is started again with growing delays, and each end is reported."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from embedded.processes import ProcessError
from embedded.up.keeping import MAX_DELAY_SECONDS, STABLE_SECONDS, Child, Keeper

LOG = Path("/logs/worker.log")


@dataclass
class FakeProcess:
    """A process that a test ends by setting its exit status."""

    log: Path = LOG
    pid: int = 1
    exit_status: int | None = None
    starts: int = 0

    def start_again(self) -> None:
        self.exit_status = None
        self.pid += 1
        self.starts += 1


@dataclass
class Kept:
    """A child that is kept running, and what a keeper was told and has said about it."""

    process: FakeProcess = field(default_factory=FakeProcess)
    now: float = 0.0
    is_ready: bool = True
    is_held: bool = False
    repairs: list[Exception | None] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    started: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        child = Child(
            name="worker",
            title="The worker",
            process=self.process,
            is_ready=lambda: self.is_ready,
            repair=self._repair,
        )
        self.keeper = Keeper(
            [child],
            say=self.said.append,
            is_held=lambda name: name == "worker" and self.is_held,
            started=lambda child: self.started.append(child.process.pid),
            clock=lambda: self.now,
        )

    def _repair(self) -> None:
        error = self.repairs.pop(0) if self.repairs else None
        if error:
            raise error

    def look(self, *, after: float = 0.0) -> None:
        self.now += after
        self.keeper.look()

    def die(self, status: int = -9) -> None:
        self.process.exit_status = status
        self.look()

    def delay(self) -> float:
        """Return how long the keeper waits until it starts the process again."""
        died_at, starts = self.now, self.process.starts
        while self.process.starts == starts:
            self.look(after=0.5)
        return self.now - died_at


def test_a_child_that_runs_is_left_alone() -> None:
    kept = Kept()

    kept.look(after=1_000)

    assert (kept.process.starts, kept.said) == (0, [])


def test_a_child_that_a_signal_ended_is_started_again_and_told_of_in_plain_words() -> None:
    kept = Kept()

    kept.die(-9)
    assert kept.process.starts == 0
    kept.look(after=1)
    kept.look()

    assert kept.started == [kept.process.pid] == [2]
    assert kept.said == [
        "The worker was ended by SIGKILL. It is started again in 1 second.\n"
        "Its log: /logs/worker.log",
        "The worker is ready again.",
    ]


def test_the_delay_doubles_up_to_a_maximum_while_a_child_keeps_dying() -> None:
    kept = Kept(is_ready=False)
    delays = []
    for _ in range(7):
        kept.die(1)
        delays.append(kept.delay())

    assert delays == [1, 2, 4, 8, 16, MAX_DELAY_SECONDS, MAX_DELAY_SECONDS]
    assert kept.said[1].startswith(
        "The worker ended with status 1 before it was ready. It is started again in 2 seconds."
    )
    assert not any("ready again" in said for said in kept.said)


@pytest.mark.parametrize(("seconds", "delay"), [(STABLE_SECONDS - 1, 2), (STABLE_SECONDS, 1)])
def test_only_a_child_that_was_ready_for_a_while_starts_with_the_shortest_delay(
    seconds: float, delay: float
) -> None:
    kept = Kept()
    kept.now = STABLE_SECONDS
    kept.die()
    kept.delay()
    kept.look()

    kept.look(after=seconds)
    kept.die()

    assert kept.delay() == delay


def test_a_child_that_a_drill_holds_stays_down_until_the_drill_ends() -> None:
    kept = Kept(is_held=True)

    kept.die()
    kept.look(after=600)
    assert kept.process.starts == 0
    kept.is_held = False
    kept.look()

    assert kept.process.starts == 1
    assert "It is started again when the drill ends." in kept.said[0]


def test_a_child_is_ready_again_only_when_it_is_repaired_and_a_failure_is_told_once() -> None:
    down = ProcessError("manage-provision ended with status 1. The end of its log:\n    text")
    kept = Kept(repairs=[down, down, None])
    kept.die()
    kept.look(after=1)

    for _ in range(4):
        kept.look()

    assert kept.said[1:] == [
        "The worker runs again, but is not usable yet: manage-provision ended with status 1. The "
        "end of its log:",
        "The worker is ready again.",
    ]


def test_a_child_that_is_not_ready_yet_does_not_delay_the_others() -> None:
    slow, quick = FakeProcess(), FakeProcess()
    keeper = Keeper(
        [
            Child(name="slow", title="Slow", process=slow, is_ready=lambda: False),
            Child(name="quick", title="Quick", process=quick, is_ready=lambda: True),
        ],
        say=lambda _text: None,
        is_held=lambda _name: False,
        started=lambda _child: None,
        clock=iter(range(100)).__next__,
    )
    slow.exit_status = quick.exit_status = -15

    for _ in range(3):
        keeper.look()

    assert (slow.starts, quick.starts) == (1, 1)
