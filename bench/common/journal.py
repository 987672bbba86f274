"""Reads from a journal what took effect, and whether the order within each group was kept."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from bench.common.steps import STEPS
from testbed.journal import Line, did, inversions


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """How often order was broken.

    `inversions`: the last step took effect for a later event of a group before an earlier one.
    `begun_early`: an event began while an earlier one of its group, begun in another process, had
    not taken effect. `together`: two steps of a group ran at the same moment.
    """

    inversions: int
    begun_early: int
    together: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """Events that went through a worker. `seconds` are from the first step to the last effect."""

    sent: int
    done: int
    seconds: float
    order: Order

    @property
    def events_per_second(self) -> float:
        """0 if nothing was done."""
        return self.done / self.seconds if self.seconds else 0.0


def order_of(lines: Sequence[Line]) -> Order:
    """Return the three counts, of lines in order of time."""
    return Order(
        inversions=sum(map(inversions, did(list(lines), step=STEPS[-1]).values())),
        begun_early=_begun_early(lines),
        together=_together(lines),
    )


def done(lines: Sequence[Line]) -> set[tuple[str, int]]:
    """Return the events, as group and number, for which the last step took effect."""
    return {(line.group, line.number) for line in _effects(lines)}


def repeated(lines: Sequence[Line]) -> int:
    """Return how many times a step took effect for an event beyond the first."""
    counts = Counter((line.step, line.group, line.number) for line in lines if line.verb == "did")
    return sum(count - 1 for count in counts.values())


def seconds(lines: Sequence[Line], *, share: float = 1.0) -> float:
    """Return how long the last share of the events took; all of them from the first step on."""
    ends = [line.at for line in _effects(lines)]
    if not ends:
        return 0.0
    begin = lines[0].at if share == 1 else ends[int(len(ends) * (1 - share))]
    return (ends[-1] - begin) / 1e9


def _effects(lines: Sequence[Line]) -> list[Line]:
    return [line for line in lines if line.verb == "did" and line.step == STEPS[-1]]


def _begun_early(lines: Sequence[Line]) -> int:
    """Events that began while an earlier one, begun in another process, had not taken effect."""
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
    """Steps that began while another process was inside a step of the same group.

    The last step of a process that was killed inside it has no end and is left out.
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
