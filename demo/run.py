"""A run of the demo on a running stack: publish, close by time, compare. Needs Django settings."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import boto3
from rich.console import Console

from apps.common.clock import now
from demo.closings import Closing, plan_closings
from demo.progress import Display, display
from demo.schedules import look_for_closings_often, send_to_the_lake_often, set_closing_times
from demo.service import read_figures, take_snapshot
from demo.target import Snapshot, target_of
from embedded.processes import ManagedProcess, ProcessError
from embedded.service import running_beat, running_worker
from embedded.stack import Stack
from testbed.checker.check import check
from testbed.checker.figures import ProjectFigures, check_figures, expected_figures
from testbed.checker.logs import check_logs
from testbed.checker.reader import read_stores
from testbed.checker.report import Defect
from testbed.checker.stores import Stores
from testbed.traffic.day import Day
from testbed.traffic.effects import Expected, expected_effects
from testbed.traffic.events import PlannedEvent, SentEvent
from testbed.traffic.projects import Project, insert_projects
from testbed.traffic.sending import EventQueue

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

# moto slows down as its backlog grows: to about 20 sends a second at 500 messages.
MAX_BACKLOG = 90
# Before that, only events close conversations.
_FAR_AWAY = timedelta(hours=12)
_POLL_SECONDS = 0.5
# Longer than a lease of the queue, after which a lost message is delivered again.
_STALLED_AFTER_SECONDS = 90.0


class Stalled(RuntimeError):
    """Nothing has happened for a long time although work is left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What was sent, expected and found, and the worker's log.

    `stalled` is what was missing if the service did not finish in time; otherwise it is empty.
    """

    sent: list[SentEvent]
    expected: Expected
    found: Stores
    expected_figures: dict[str, ProjectFigures]
    figures: dict[str, ProjectFigures]
    defects: list[Defect]
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
    """Run worker and beat, send the events, then close the remaining conversations by time.

    Compares when both processes have stopped. Raises ProcessError, with the end of the worker's
    log, if the run fails.
    """
    started_at = now()
    insert_projects(
        database_url=stack.database_url,
        closings=dict.fromkeys(day.projects, started_at + _FAR_AWAY),
    )
    send_to_the_lake_often()
    events = [
        replace(event, number=number)
        for number, event in enumerate([*samples, *day.events], start=1)
    ]
    queue = EventQueue(sqs=_sqs(environment), url=environment["SQS_CONVERSATION_QUEUE_URL"])
    with running_worker(environment=environment, logs=stack.logs) as worker:
        try:
            with running_beat(environment=environment, logs=stack.logs) as beat:
                done = _send_and_wait(
                    events,
                    projects=day.projects,
                    queue=queue,
                    processes=[worker, beat],
                    console=console,
                )
        except ProcessError:
            raise
        except Exception as error:
            raise worker.error(f"was running when the demo failed: {error}") from error
    console.print("Comparing what was published with what is in the stores")
    return _compare(
        done,
        stack=stack,
        environment=environment,
        started_at=started_at,
        logs={one.name: one.log_text() for one in (worker, beat)},
        worker_log=worker.log_text(),
    )


@dataclass(slots=True, kw_only=True)
class _Progress:
    """What was sent, the closing times, and what was missing if the service did not finish."""

    sent: list[SentEvent]
    closings: Sequence[Closing] = ()
    stalled: str = ""


def _send_and_wait(
    events: list[PlannedEvent],
    *,
    projects: Sequence[Project],
    queue: EventQueue,
    processes: list[ManagedProcess],
    console: Console,
) -> _Progress:
    target = target_of(events, projects=projects)
    with display(console=console, target=target) as shown:
        watch = _Watch(processes=processes, shown=shown)
        done = _Progress(
            sent=queue.publish(
                events,
                max_backlog=MAX_BACKLOG,
                on_progress=lambda sent, backlog: watch.poll_if_due(
                    published=len(sent), queued=backlog
                ),
            )
        )

        def poll() -> Snapshot:
            return watch.poll(published=len(done.sent), queued=queue.depth())

        try:
            _wait(poll, until=target.all_events_are_done)
            # Not earlier: each tick costs a receive and a delete, which are counted.
            look_for_closings_often()
            done.closings = plan_closings(projects, now=now())
            shown.announce(done.closings)
            set_closing_times(done.closings)
            _wait(poll, until=target.is_reached)
        except Stalled as error:
            done.stalled = str(error)
    return done


def _compare(
    done: _Progress,
    *,
    stack: Stack,
    environment: dict[str, str],
    started_at: datetime,
    logs: Mapping[str, str],
    worker_log: str,
) -> Run:
    found = read_stores(
        database_url=stack.database_url,
        dynamodb=boto3.client("dynamodb", region_name=environment["DYNAMODB_REGION"]),
        table=environment["DYNAMODB_MESSAGE_TABLE"],
        sqs=_sqs(environment),
        queue_url=environment["SQS_CONVERSATION_QUEUE_URL"],
        dead_letter_queue_url=environment["SQS_CONVERSATION_DLQ_URL"],
        lake=stack.lake,
    )
    closings = {closing.project.uuid: closing.at for closing in done.closings}
    expected = expected_effects(done.sent, closings=closings)
    wanted_figures, figures = expected_figures(expected), read_figures(started_at=started_at)
    # Messages of beat and uncollected dead letters may wait.
    defects = check(
        sent=done.sent,
        stores=found,
        closings=closings,
        is_drained=False,
        lake_may_repeat=False,
    )
    defects += check_figures(expected=wanted_figures, found=figures)
    defects += check_logs(sent=done.sent, logs=logs)
    return Run(
        sent=done.sent,
        expected=expected,
        found=found,
        expected_figures=wanted_figures,
        figures=figures,
        defects=defects,
        worker_log=worker_log,
        stalled=done.stalled,
    )


def _sqs(environment: Mapping[str, str]) -> "SQSClient":
    return boto3.client("sqs", region_name=environment["SQS_CONVERSATION_REGION"])


def _wait(poll: Callable[[], Snapshot], *, until: Callable[[Snapshot], bool]) -> None:
    while not until(poll()):
        time.sleep(_POLL_SECONDS)


class _Watch:
    """Polls the service, shows its state, and notices when nothing happens any more."""

    def __init__(self, *, processes: list[ManagedProcess], shown: Display) -> None:
        self._processes = processes
        self._shown = shown
        self._last: Snapshot | None = None
        self._changed_at = self._polled_at = 0.0

    def poll_if_due(self, *, published: int, queued: int) -> None:
        """Poll, unless the last poll was a moment ago."""
        if time.monotonic() >= self._polled_at + _POLL_SECONDS:
            self.poll(published=published, queued=queued)

    def poll(self, *, published: int, queued: int) -> Snapshot:
        """Return the state now. Raises Stalled, or ProcessError if a process has ended."""
        for process in self._processes:
            if not process.is_running:
                raise process.error(f"ended by itself with status {process.exit_status}")
        snapshot = take_snapshot(published=published, queued=queued)
        self._shown.show(snapshot)
        self._polled_at = time.monotonic()
        # Queued messages do not count: those of beat come and go.
        progress = replace(snapshot, queued=0)
        if progress != self._last:
            self._last, self._changed_at = progress, self._polled_at
        elif self._polled_at > self._changed_at + _STALLED_AFTER_SECONDS:
            raise Stalled(
                f"nothing has changed for {_STALLED_AFTER_SECONDS:g} seconds, with "
                f"{snapshot.queued} messages queued, {snapshot.archived} archived conversations "
                f"and {snapshot.in_lake} answers in the lake"
            )
        return snapshot
