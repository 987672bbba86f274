"""Evaluates the journal that `testbed.steps` writes: the effects, and the order in each group."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from testbed.journal import Line, did, inversions
from testbed.steps import STEPS


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """How often the order was broken.

    `inversions` counts events whose last step took effect after that of a later event of their
    group. `begun_early` counts events that began although an earlier event of the group was still
    running in another process. `together` counts steps that began while another step of the group
    was running.
    """

    inversions: int
    begun_early: int
    together: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerRun:
    """Events that a worker processed, and the `seconds` from the first step to the last effect."""

    sent: int
    done: int
    seconds: float
    order: Order

    @property
    def events_per_second(self) -> float:
        """The events that took effect in a second; 0 if none did."""
        return self.done / self.seconds if self.seconds else 0.0


def order_of(lines: Sequence[Line]) -> Order:
    """Return how often the order was broken. The lines must be in order of time."""
    return Order(
        inversions=sum(map(inversions, did(list(lines), step=STEPS[-1]).values())),
        begun_early=_begun_early(lines),
        together=_together(lines),
    )


def done(lines: Sequence[Line]) -> set[tuple[str, int]]:
    """Return the events whose last step took effect, as group and number."""
    return {(line.group, line.number) for line in _effects(lines)}


def repeated(lines: Sequence[Line]) -> int:
    """Return how often a step took effect again for the same event."""
    counts = Counter((line.step, line.group, line.number) for line in lines if line.verb == "did")
    return sum(count - 1 for count in counts.values())


def seconds(lines: Sequence[Line], *, share: float = 1.0) -> float:
    """Return how long the last `share` of the events took, by the times of their effects.

    A share of 1 stands for all events, from the beginning of the first step.
    """
    ends = [line.at for line in _effects(lines)]
    if not ends:
        return 0.0
    begin = lines[0].at if share == 1 else ends[int(len(ends) * (1 - share))]
    return (ends[-1] - begin) / 1e9


def _effects(lines: Sequence[Line]) -> list[Line]:
    return [line for line in lines if line.verb == "did" and line.step == STEPS[-1]]


def _begun_early(lines: Sequence[Line]) -> int:
    """Return how many events began too early, as in `Order`."""
    early: set[tuple[str, int]] = set()
    unfinished: dict[str, dict[int, int]] = defaultdict(dict)
    for line in lines:
        of_group = unfinished[line.group]
        if line.verb == "began" and line.step == STEPS[0]:
            if any(number < line.number and pid != line.pid for number, pid in of_group.items()):
                early.add((line.group, line.number))
            of_group[line.number] = line.pid
        elif line.verb == "did" and line.step == STEPS[-1]:
            of_group.pop(line.number, None)
    return len(early)


def _together(lines: Sequence[Line]) -> int:
    """Return how many steps began while another process was in a step of the same group.

    A process that was killed within a step has not logged the step's end: that step is ignored.
    """
    found = 0
    running: dict[int, Line] = {}
    lines_of = Counter(line.pid for line in lines)
    for line in lines:
        lines_of[line.pid] -= 1
        running.pop(line.pid, None)
        if line.verb == "began" and lines_of[line.pid]:
            found += any(other.group == line.group for other in running.values())
            running[line.pid] = line
    return found
