"""Reads the journal that `testbed.steps` writes."""

from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Line:
    """A step of an event began, failed or took effect `at` this monotonic time in nanoseconds."""

    verb: str
    step: str
    group: str
    number: int
    pid: int
    at: int


def read_journal(path: Path) -> list[Line]:
    """Return the lines in order of time, without an incomplete line that a kill has left."""
    lines = []
    for text in path.read_text().splitlines() if path.exists() else ():
        parts = text.split()
        if len(parts) == 6:
            verb, step, group, number, pid, at = parts
            lines.append(Line(verb, step, group, int(number), int(pid), int(at)))
    return sorted(lines, key=lambda line: line.at)


def did(lines: list[Line], *, step: str) -> dict[str, list[int]]:
    """Return the numbers of the events of each group, in the order in which a step took effect."""
    done: dict[str, list[int]] = defaultdict(list)
    for line in lines:
        if line.verb == "did" and line.step == step:
            done[line.group].append(line.number)
    return dict(done)


def overlaps(lines: list[Line]) -> list[tuple[Line, Line]]:
    """Return pairs of events of a group that two processes worked on at the same time.

    If a process was killed, its event seems to run for ever. So this works only without kills.
    """
    found = []
    running: dict[str, dict[int, Line]] = defaultdict(dict)
    for line in lines:
        of_group = running[line.group]
        if line.verb == "began" and line.step == "first":
            found += [(other, line) for other in of_group.values() if other.pid != line.pid]
            of_group[line.number] = line
        elif line.verb == "failed" or (line.verb == "did" and line.step == "third"):
            of_group.pop(line.number, None)
    return found


def inversions(numbers: list[int]) -> int:
    """Return how often an event first took effect after the event that follows it."""
    first_times = list(dict.fromkeys(numbers))
    return sum(1 for one, next_one in pairwise(first_times) if next_one < one)
