"""The demo's progress: bars on a terminal, otherwise a line every few seconds."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from demo.closings import Closing, ClosingLines
from demo.target import Snapshot, Target

_SECONDS_BETWEEN_LINES = 5.0


class Display:
    """Shows snapshots. Created by `display`."""

    def __init__(self, *, console: Console, target: Target, bars: Progress | None) -> None:
        self._console = console
        self._target = target
        self._bars = bars
        self._next_line_at = 0.0
        self._closings: ClosingLines | None = None
        if bars:
            self._published = bars.add_task("Events published", total=target.events, note="")
            self._archived = bars.add_task("Conversations archived", total=target.closed, note="")
            self._in_lake = bars.add_task("Answers in the lake", total=target.answers, note="")

    def announce(self, closings: Sequence[Closing]) -> None:
        """Print each project's closing from now on."""
        self._console.print("Each project closes in a few seconds, at a time in its own zone:")
        self._closings = ClosingLines(
            console=self._console, closings=closings, left_open=self._target.left_open
        )

    def show(self, snapshot: Snapshot) -> None:
        """Show a new snapshot."""
        if self._closings:
            self._closings.show(snapshot.closed_by_time)
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
            f"published {snapshot.published}/{self._target.events}, "
            f"in the queue {snapshot.queued}, "
            f"conversations open {snapshot.in_progress}, closed {snapshot.closed}, "
            f"archived {snapshot.archived}/{self._target.closed}, "
            f"answers in the lake {snapshot.in_lake}/{self._target.answers}",
            soft_wrap=True,
            highlight=False,
        )


@contextmanager
def display(*, console: Console, target: Target) -> Iterator[Display]:
    """Yield a display: bars if the console is a terminal, otherwise lines."""
    if not console.is_terminal:
        yield Display(console=console, target=target, bars=None)
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
        yield Display(console=console, target=target, bars=bars)
