"""A run of the demo on a stack that is up: publish, wait, compare. Needs Django's settings."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from rich.console import Console

from demo.arrangements import add_projects, shorten_schedule
from demo.check import check
from demo.events import Answered, Changed, PlannedEvent
from demo.expectations import Expectations, SentEvent, expectations
from demo.findings import Findings
from demo.problems import Problem
from demo.progress import Display, Goal, Snapshot, display
from demo.queue import Queues
from demo.stores import read_stores, snapshot
from demo.traffic import Day
from embedded.processes import ManagedProcess, ProcessError
from embedded.service import running_beat, running_worker
from embedded.stack import Stack

_LOOK_AGAIN_SECONDS = 0.5
# Longer than a lease of the queue: a lost message would have been delivered again by then.
_STALLED_AFTER_SECONDS = 90.0


class Stalled(RuntimeError):
    """Nothing has happened for a long time although there is work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What was sent, what must be there, what is, and how the worker logged it.

    `stalled` says what was still missing if the service did not finish in time, else nothing.
    """

    sent: list[SentEvent]
    expected: Expectations
    found: Findings
    problems: list[Problem]
    worker_log: str
    stalled: str


def run(
    *,
    stack: Stack,
    environment: dict[str, str],
    day: Day,
    samples: list[PlannedEvent],
    console: Console,
) -> Run:
    """Run worker and beat, send the events, and compare when all is done and both have stopped.

    Raises ProcessError, with the end of the worker's log, if that is not possible.
    """
    add_projects(day.projects, now=datetime.now(UTC))
    shorten_schedule()
    events = [*samples, *day.events]
    queues = Queues(
        queue_url=environment["SQS_CONVERSATION_QUEUE_URL"],
        dead_letter_queue_url=environment["SQS_CONVERSATION_DLQ_URL"],
        region=environment["SQS_CONVERSATION_REGION"],
    )
    with running_worker(environment=environment, logs=stack.logs) as worker:
        try:
            with running_beat(environment=environment, logs=stack.logs) as beat:
                sent, stalled = _send_and_wait(
                    events, queues=queues, processes=[worker, beat], console=console
                )
        except ProcessError:
            raise
        except Exception as error:
            raise worker.error(f"was at work when the demo failed: {error}") from error
    console.print("Comparing what was published with what is in the stores")
    found = read_stores(
        queues=queues,
        table=environment["DYNAMODB_MESSAGE_TABLE"],
        region=environment["DYNAMODB_REGION"],
        lake=stack.lake,
    )
    expected = expectations(sent)
    return Run(
        sent=sent,
        expected=expected,
        found=found,
        problems=check(expected=expected, found=found),
        worker_log=worker.log_text(),
        stalled=stalled,
    )


def goal_of(events: Sequence[PlannedEvent]) -> Goal:
    """What these events come to."""
    effects = [event.effect for event in events]
    closed = {
        effect.conversation
        for effect in effects
        if isinstance(effect, Changed) and effect.resolution is not None
    }
    answers = sum(isinstance(effect, Answered) for effect in effects)
    return Goal(events=len(events), closed=len(closed), answers=answers)


def _send_and_wait(
    events: list[PlannedEvent],
    *,
    queues: Queues,
    processes: list[ManagedProcess],
    console: Console,
) -> tuple[list[SentEvent], str]:
    """What was sent, and what is missing if the service does not finish."""
    goal = goal_of(events)
    with display(console=console, goal=goal) as shown:
        watch = _Watch(processes=processes, shown=shown)
        sent = queues.publish(
            events,
            on_progress=lambda sent, backlog: watch.look_if_due(
                published=len(sent), queued=backlog
            ),
        )
        try:
            _wait(lambda: watch.look(published=len(sent), queued=queues.backlog()), goal=goal)
        except Stalled as error:
            return sent, str(error)
        return sent, ""


def _wait(look: Callable[[], Snapshot], *, goal: Goal) -> None:
    while not goal.is_reached(look()):
        time.sleep(_LOOK_AGAIN_SECONDS)


class _Watch:
    """Looks at the service, shows what it sees, and notices when nothing goes on any more."""

    def __init__(self, *, processes: list[ManagedProcess], shown: Display) -> None:
        self._processes = processes
        self._shown = shown
        self._last: Snapshot | None = None
        self._changed_at = self._looked_at = 0.0

    def look_if_due(self, *, published: int, queued: int) -> None:
        """Look, but not more often than a person can follow."""
        if time.monotonic() >= self._looked_at + _LOOK_AGAIN_SECONDS:
            self.look(published=published, queued=queued)

    def look(self, *, published: int, queued: int) -> Snapshot:
        """The state now. Raises Stalled, or ProcessError if a process has ended."""
        for process in self._processes:
            if not process.is_running:
                raise process.error(f"ended by itself with status {process.exit_status}")
        now = snapshot(published=published, queued=queued)
        self._shown.show(now)
        self._looked_at = time.monotonic()
        if now != self._last:
            self._last, self._changed_at = now, self._looked_at
        elif self._looked_at > self._changed_at + _STALLED_AFTER_SECONDS:
            raise Stalled(
                f"nothing has changed for {_STALLED_AFTER_SECONDS:g} seconds, with "
                f"{now.queued} messages in the queue, {now.archived} conversations archived and "
                f"{now.in_lake} answers in the lake"
            )
        return now
