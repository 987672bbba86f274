"""Closing by time zone: each project gets a closing time a few seconds ahead."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from rich.console import Console

from testbed.traffic.projects import Project

# A running beat reads changed schedules every five seconds.
FIRST_IN = timedelta(seconds=5)
APART = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """The time, in UTC, at which the open conversations of a project close."""

    project: Project
    at: datetime

    @property
    def local(self) -> datetime:
        """The same instant in the project's time zone."""
        return self.project.local(self.at)


def plan_closings(projects: Sequence[Project], *, now: datetime) -> list[Closing]:
    """Return a closing for each project: the first FIRST_IN after `now`, the others APART."""
    first = now.astimezone(UTC).replace(microsecond=0) + FIRST_IN
    return [
        Closing(project=project, at=first + number * APART)
        for number, project in enumerate(projects)
    ]


class ClosingLines:
    """Prints a line for each project when all its conversations have closed by time.

    `left_open` is the number of these conversations, by the project's uuid.
    """

    def __init__(
        self, *, console: Console, closings: Sequence[Closing], left_open: Mapping[str, int]
    ) -> None:
        self._console = console
        self._waiting = list(closings)
        self._left_open = left_open
        self._name_width = max(len(each.project.name) for each in closings)
        self._zone_width = max(len(each.project.timezone) for each in closings)

    def show(self, closed: Mapping[str, int]) -> None:
        """Print new lines. `closed` counts conversations closed by time, by the project's uuid."""
        for closing in tuple(self._waiting):
            uuid = closing.project.uuid
            count = closed.get(uuid, 0)
            if count >= self._left_open[uuid]:
                self._waiting.remove(closing)
                line = self._line(closing, closed=count)
                self._console.print(line, highlight=False, soft_wrap=True)

    def _line(self, closing: Closing, *, closed: int) -> str:
        name, zone = closing.project.name, closing.project.timezone
        return (
            f"  {name:{self._name_width}}  {zone:{self._zone_width}}  "
            f"{closing.local:%H:%M:%S} local = {closing.at:%H:%M:%S} UTC  {closed} closed"
        )
