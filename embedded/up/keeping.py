"""Starts processes that have ended again, after delays that grow, and says so."""

import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from embedded.processes import ProcessError

MIN_DELAY_SECONDS = 1.0
MAX_DELAY_SECONDS = 30.0
# A process that was ready for this long starts with the shortest delay again.
STABLE_SECONDS = 60.0


class Process(Protocol):
    """A child that can be started again."""

    log: Path

    @property
    def pid(self) -> int:
        """Its process id, which changes when it is started again."""

    @property
    def exit_status(self) -> int | None:
        """None while it runs, negative if a signal ended it."""

    def start_again(self) -> None:
        """Start it, without waiting until it is ready."""


@dataclass(frozen=True, kw_only=True)
class Child:
    """A process that is kept running.

    `name` is unique, `title` is for people. `repair` is called when the process was started again
    and is ready; while it raises ProcessError, it is called again.
    """

    name: str
    title: str
    process: Process
    is_ready: Callable[[], bool]
    repair: Callable[[], None] | None = None


@dataclass(slots=True)
class _State:
    """`starts_at` is when the process is started again; `ready_at` is None until it is ready."""

    ready_at: float | None
    starts_at: float | None = None
    quick_ends: int = 0
    complaint: str = ""


class Keeper:
    """Keeps children running. It neither blocks nor ends when they do.

    `say` prints a sentence. `is_held` is whether a drill keeps the child with this name down.
    `started` is called after each start.
    """

    def __init__(
        self,
        children: Sequence[Child],
        *,
        say: Callable[[str], None],
        is_held: Callable[[str], bool],
        started: Callable[[Child], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._say = say
        self._is_held = is_held
        self._started = started
        self._clock = clock
        self._states = [(child, _State(ready_at=clock())) for child in children]

    def look(self) -> None:
        """Notice which children have ended or become ready, and start those that are due."""
        for child, state in self._states:
            status = child.process.exit_status
            if status is None:
                if state.ready_at is None and child.is_ready():
                    self._welcome(child, state)
            elif state.starts_at is None:
                self._note_end(child, state, status=status)
            elif self._clock() >= state.starts_at and not self._is_held(child.name):
                self._start(child, state)

    def _note_end(self, child: Child, state: _State, *, status: int) -> None:
        now = self._clock()
        was_stable = state.ready_at is not None and now - state.ready_at >= STABLE_SECONDS
        state.quick_ends = 0 if was_stable else state.quick_ends
        delay = min(MAX_DELAY_SECONDS, MIN_DELAY_SECONDS * 2**state.quick_ends)
        state.quick_ends += 1
        state.starts_at = now + delay
        when = f"in {delay:g} second{'' if delay == 1 else 's'}"
        if self._is_held(child.name):
            when = "when the drill ends"
        before = "" if state.ready_at is not None else " before it was ready"
        self._say(
            f"{child.title} {_end(status)}{before}. It is started again {when}.\n"
            f"Its log: {child.process.log}"
        )

    def _start(self, child: Child, state: _State) -> None:
        child.process.start_again()
        state.starts_at = None
        state.ready_at = None
        state.complaint = ""
        self._started(child)

    def _welcome(self, child: Child, state: _State) -> None:
        try:
            if child.repair is not None:
                child.repair()
        except ProcessError as error:
            self._complain(child, state, error=error)
            return
        state.ready_at = self._clock()
        self._say(f"{child.title} is ready again.")

    def _complain(self, child: Child, state: _State, *, error: ProcessError) -> None:
        """Print the first line of the error, unless it was printed already."""
        complaint = str(error).partition("\n")[0]
        if complaint != state.complaint:
            self._say(f"{child.title} runs again, but is not usable yet: {complaint}")
        state.complaint = complaint


def _end(status: int) -> str:
    if status < 0:
        return f"was ended by {signal.Signals(-status).name}"
    return f"ended with status {status}"
