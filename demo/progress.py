"""How far the demo is: bars on a terminal, a line every few seconds elsewhere."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

_SECONDS_BETWEEN_LINES = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What has happened so far; `queued` are messages, `opened` all conversations ever."""

    published: int
    queued: int
    opened: int
    closed: int
    archived: int
    answers: int
    in_lake: int

    @property
    def in_progress(self) -> int:
        """Conversations that are open."""
        return self.opened - self.closed


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """What there will be in the end."""

    events: int
    closed: int
    answers: int

    def is_reached(self, snapshot: Snapshot) -> bool:
        """Whether everything sent has taken effect, as far as counting can say."""
        return (
            snapshot.queued == 0
            and snapshot.archived >= self.closed
            and snapshot.in_lake == snapshot.answers >= self.answers
        )


class Display:
    """Shows snapshots. Made by `display`."""

    def __init__(self, *, console: Console, goal: Goal, bars: Progress | None) -> None:
        self._console = console
        self._goal = goal
        self._bars = bars
        self._next_line_at = 0.0
        if bars:
            self._published = bars.add_task("Events published", total=goal.events, note="")
            self._archived = bars.add_task("Conversations archived", total=goal.closed, note="")
            self._in_lake = bars.add_task("Answers in the lake", total=goal.answers, note="")

    def show(self, snapshot: Snapshot) -> None:
        """Bring the display up to date."""
        if self._bars:
            self._move_bars(self._bars, snapshot)
        elif time.monotonic() >= self._next_line_at:
            self._next_line_at = time.monotonic() + _SECONDS_BETWEEN_LINES
            self._print_line(snapshot)

    def _move_bars(self, bars: Progress, snapshot: Snapshot) -> None:
        state = f"{snapshot.in_progress} open, {snapshot.closed} closed"
        bars.update(
            self._published, completed=snapshot.published, note=f"{snapshot.queued} in the queue"
        )
        bars.update(self._archived, completed=snapshot.archived, note=state)
        bars.update(self._in_lake, completed=snapshot.in_lake, note=f"{snapshot.answers} recorded")

    def _print_line(self, snapshot: Snapshot) -> None:
        self._console.print(
            f"published {snapshot.published}/{self._goal.events}, "
            f"in the queue {snapshot.queued}, "
            f"conversations open {snapshot.in_progress}, closed {snapshot.closed}, "
            f"archived {snapshot.archived}/{self._goal.closed}, "
            f"answers in the lake {snapshot.in_lake}/{self._goal.answers}",
            soft_wrap=True,
            highlight=False,
        )


@contextmanager
def display(*, console: Console, goal: Goal) -> Iterator[Display]:
    """Bars while the block runs if the console is a terminal, else lines."""
    if not console.is_terminal:
        yield Display(console=console, goal=goal, bars=None)
        return
    bars = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}"),
        TimeElapsedColumn(),
        console=console,
    )
    with bars:
        yield Display(console=console, goal=goal, bars=bars)
