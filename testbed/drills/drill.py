"""What a drill is."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from embedded.up.presence import RunningUp


@dataclass(frozen=True, slots=True, kw_only=True)
class Drill:
    """An outage. `breaking` causes it when its block is entered, and repairs it when it is left.

    `summary` is for the list. `happens` and `afterwards` are sentences that a drill prints at its
    beginning and its end. `chapter` is a heading of docs/runbook.md.
    """

    name: str
    summary: str
    happens: str
    afterwards: str
    chapter: str
    seconds: int
    breaking: Callable[[RunningUp], AbstractContextManager[None]]
