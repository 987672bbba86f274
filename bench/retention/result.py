"""The result of the retention benchmark."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What has a retention: how much of it was stored and due, and still due after the runs."""

    name: str
    retention: str
    stored: int
    due: int
    left: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionRun:
    """One run of the task.

    `removed` counts what was due, by kind; kinds of which nothing went are left out. `changed`
    counts all rows that were deleted or updated, including what went with them. `rows_read` counts
    the live rows that scans read, and `blocks` the accesses to blocks of tables and indexes, in
    memory or not. `statements` leaves out BEGIN and COMMIT. `longest` names the statement that took
    longest.
    """

    removed: Mapping[str, int]
    changed: int
    rows_read: int
    blocks: int
    statements: int
    longest: str
    longest_seconds: float
    dynamodb_calls: int
    seconds: float

    @property
    def rows_read_each(self) -> float:
        """The rows read for each changed row."""
        return self.rows_read / self.changed

    @property
    def blocks_each(self) -> float:
        """The blocks accessed for each changed row."""
        return self.blocks / self.changed


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """The blocks for each changed row in the first and the last run that removed only one kind."""

    kind: str
    runs: int
    first: float
    last: float

    @property
    def ratio(self) -> float:
        """The last value divided by the first."""
        return self.last / self.first


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """The result of one measurement.

    A page has at most `archives_page` archives or `rows_page` other rows. `runs` removed everything
    that was due; `queued` of them were queued by the run before. After them nothing was due: `idle`
    ran at once, and `idle_after_vacuum` after a VACUUM.
    """

    conversations: int
    projects: int
    answers_waiting_every: int
    archives_page: int
    rows_page: int
    max_pages: int
    statement_timeout_seconds: float
    kinds: Sequence[Kind]
    runs: Sequence[RetentionRun]
    queued: int
    idle: RetentionRun
    idle_after_vacuum: RetentionRun

    @property
    def growths(self) -> list[Growth]:
        """The growth of the work over the runs, for each kind that has at least two runs alone."""
        return [
            Growth(
                kind=kind.name, runs=len(runs), first=runs[0].blocks_each, last=runs[-1].blocks_each
            )
            for kind in self.kinds
            if len(runs := [run for run in self.runs if list(run.removed) == [kind.name]]) > 1
        ]
