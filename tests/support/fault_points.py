"""The effects of closing and archiving in order, and the fault points between them.

A fault point lies just before an effect. A process that is killed there has caused all effects
above the point in the table, and none below. `tests.support.faulty_app` strikes at these points.
"""

import json
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from uuid import UUID

LONG = UUID("10000000-0000-4000-8000-000000000001")
CHUNKED = UUID("10000000-0000-4000-8000-000000000002")
REFUSED = UUID("20000000-0000-4000-8000-000000000001")
BY_EVENT = UUID("30000000-0000-4000-8000-000000000001")
LATE = UUID("40000000-0000-4000-8000-000000000001")
STAYS_OPEN = UUID("50000000-0000-4000-8000-000000000001")


class Strike(StrEnum):
    """The action on a process that reaches a fault point."""

    KILL_WORKER = "kill worker"
    KILL_PROCESS = "kill process"
    FREEZE_WORKER = "freeze worker"


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultPoint:
    """The moment just before the `nth` call of an effect in one process.

    Only calls whose arguments contain `about` are counted. `about` is the id of a conversation or
    the name of a task.
    """

    stage: str
    effect: str
    nth: int = 1
    about: str = ""

    @property
    def in_pool(self) -> bool:
        """Whether a pool process reaches this point, not the worker's main process or beat."""
        return self.effect not in (*_SETTLE, "send tick", "save tick")

    def __str__(self) -> str:
        return f"{self.stage}, before: {self.effect} {self.nth}"


def _of_stage(
    stage: str, *effects: str | tuple[str, int], about: str | UUID = ""
) -> Iterator[FaultPoint]:
    for named in effects:
        effect, nth = (named, 1) if isinstance(named, str) else named
        yield FaultPoint(stage=stage, effect=effect, nth=nth, about=str(about))


_SETTLE = ("acknowledge", "process the answer to the delete")
_TICK = "tasks.closing.close_due_conversations"

# The messages of LONG are archived in two batches.
POINTS: Sequence[FaultPoint] = (
    *_of_stage("closing", "claim", ("publish", 1), ("publish", 2), "publish next tick"),
    *_of_stage("closing", *_SETTLE, about=_TICK),
    *_of_stage("closing", "close", ("merge", 1), ("merge", 2), about=LONG),
    *_of_stage("closing", "mark archived", *_SETTLE, about=LONG),
    *_of_stage("closing", "merge", "mark archived", about=CHUNKED),
    *_of_stage("refused", "release the claim"),
    *_of_stage("refused", "acknowledge", about=_TICK),
    *_of_stage("by event", "close by event", "merge"),
    *_of_stage("by event", "mark archived", about=BY_EVENT),
    *_of_stage("by event", *_SETTLE, about="conversation.close"),
    *_of_stage("late", "claim checks", "merge", "complete check", "publish next tick"),
    *_of_stage("late", *_SETTLE, about="tasks.closing.archive_late_messages"),
    *_of_stage("stays open", "claim checks", "merge", "complete check", "publish next tick"),
    *_of_stage("stays open", *_SETTLE, about="tasks.closing.archive_before_expiry"),
)
# The last point, before the second tick, comes after all effects of the first.
BEAT_POINTS: Sequence[FaultPoint] = tuple(
    _of_stage("beat", ("send tick", 1), ("save tick", 1), ("send tick", 2))
)


def point(stage: str, effect: str, nth: int = 1, *, about: UUID | None = None) -> FaultPoint:
    """Return the point before the nth call of an effect. Fails if it is not in the table."""
    (found,) = (
        one
        for one in POINTS
        if (one.stage, one.effect, one.nth) == (stage, effect, nth)
        and (about is None or one.about == str(about))
    )
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A strike at a point. It happens once, and then creates the file `marker`."""

    effect: str
    nth: int
    about: str
    strike: Strike
    marker: str

    @property
    def has_struck(self) -> bool:
        """Whether the strike has happened."""
        return Path(self.marker).exists()


def arm(plan: Path, strikes: Sequence[tuple[FaultPoint, Strike]]) -> list[Fault]:
    """Plan strikes at these points, one after the other. An earlier plan is replaced."""
    number = len(list(plan.parent.glob(f"{plan.name}.struck-*")))
    faults = [
        Fault(
            effect=point.effect,
            nth=point.nth,
            about=point.about,
            strike=strike,
            marker=f"{plan}.struck-{place:03d}",
        )
        for place, (point, strike) in enumerate(strikes, start=number)
    ]
    written = plan.with_suffix(".new")
    written.write_text(json.dumps([asdict(fault) for fault in faults]))
    written.replace(plan)
    return faults


class Striker:
    """Strikes this process at the points of the plan."""

    def __init__(self, plan: Path) -> None:
        self._plan = plan
        self._met: Counter[str] = Counter()

    def meet(self, effect: str, *, about: Callable[[], str]) -> None:
        """Strike if the plan has a fault before this effect."""
        fault = self._next()
        if fault is None or fault.effect != effect or not _is_in(fault.about, about()):
            return
        self._met[fault.marker] += 1
        if self._met[fault.marker] == fault.nth:
            with suppress(FileExistsError):
                Path(fault.marker).touch(exist_ok=False)
                _strike(fault.strike)

    def _next(self) -> Fault | None:
        if not self._plan.exists():
            return None
        faults = (Fault(**fields) for fields in json.loads(self._plan.read_text()))
        return next((fault for fault in faults if not fault.has_struck), None)


def _is_in(part: str, whole: str) -> bool:
    """Whether `part` is in `whole`. UUIDs match with or without hyphens."""
    return part.replace("-", "") in whole.replace("-", "")


def _strike(strike: Strike) -> None:
    """Strike this process or its process group, which contains only a worker or a beat."""
    match strike:
        case Strike.KILL_WORKER:
            os.killpg(os.getpgrp(), signal.SIGKILL)
        case Strike.KILL_PROCESS:
            os.kill(os.getpid(), signal.SIGKILL)
        case Strike.FREEZE_WORKER:
            os.killpg(os.getpgrp(), signal.SIGSTOP)
