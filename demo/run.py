"""Runs the demo on a running stack: publish, close by time, compare. Needs Django's settings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from io import StringIO
from typing import TYPE_CHECKING
from uuid import UUID

import boto3
from django.core.management import call_command
from rich.console import Console

from apps.common.clock import now
from apps.conversations.models import Conversation
from demo.closings import ClosingTime, plan_closings, schedule, set_closing_times
from demo.figures import read_figures
from demo.progress import Stalled, Watch, target_of
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
from testbed.traffic.events import Contact, Message, PlannedEvent, SentEvent
from testbed.traffic.projects import Project, insert_projects
from testbed.traffic.redriving import earlier_events, request_redrives
from testbed.traffic.sending import EventQueue

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

# moto slows down as its backlog grows: to about 20 sends a second at 500 messages.
MAX_BACKLOG = 90
# The first closing time of each project. Until then, only events close conversations.
_FAR_AWAY = timedelta(hours=12)
_SECONDS_BETWEEN_LAKE_TICKS = 10
_SECONDS_BETWEEN_LETTER_TICKS = 5
_SECONDS_BETWEEN_CLOSING_TICKS = 1


@dataclass(slots=True, kw_only=True)
class Processed:
    """The events that were sent, and the closing times that were set.

    `stalled` says what was missing if the service did not finish in time. Otherwise it is empty.
    """

    sent: list[SentEvent]
    closings: Sequence[ClosingTime] = ()
    stalled: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """The effects that were expected, those that were found, and the differences."""

    expected: Expected
    found: Stores
    expected_figures: dict[str, ProjectFigures]
    figures: dict[str, ProjectFigures]
    defects: list[Defect]


def run(
    *,
    stack: Stack,
    environment: dict[str, str],
    day: Day,
    samples: list[PlannedEvent],
    console: Console,
) -> tuple[Processed, Compared, str]:
    """Run worker and beat, send the events, then close the remaining conversations by time.

    The stores are compared when both processes have stopped. Also returns the worker's log. Raises
    ProcessError, with the end of that log, if the run fails.
    """
    started_at = now()
    insert_projects(
        database_url=stack.database_url,
        closings=dict.fromkeys(day.projects, started_at + _FAR_AWAY),
    )
    schedule("tasks.datalake.send_data_lake_event", seconds=_SECONDS_BETWEEN_LAKE_TICKS)
    schedule("tasks.deadletters.collect_dead_letters", seconds=_SECONDS_BETWEEN_LETTER_TICKS)
    events = [
        replace(event, number=number)
        for number, event in enumerate(
            [*day.earlier, *samples, *day.events, *day.after_reopening], start=1
        )
    ]
    sqs, queue_url = _sqs(environment), environment["SQS_CONVERSATION_QUEUE_URL"]
    with earlier_events(
        events[: len(day.earlier)],
        sqs=sqs,
        queue_url=queue_url,
        dead_letter_queue_url=environment["SQS_CONVERSATION_DLQ_URL"],
    ) as earlier:
        processed = Processed(sent=earlier)
    with (
        running_worker(environment=environment, logs=stack.logs) as worker,
        running_beat(environment=environment, logs=stack.logs) as beat,
    ):
        try:
            _send_and_wait(
                events,
                processed=processed,
                projects=day.projects,
                queue=EventQueue(sqs=sqs, url=queue_url),
                processes=[worker, beat],
                database_url=stack.database_url,
                console=console,
            )
        except ProcessError:
            raise
        except Exception as error:
            raise worker.error(f"was running when the demo failed: {error}") from error
    console.print("Comparing what was published with what is in the stores")
    compared = _compare(
        processed,
        stack=stack,
        environment=environment,
        started_at=started_at,
        logs={one.name: one.log_text() for one in (worker, beat)},
    )
    return processed, compared, worker.log_text()


def _send_and_wait(
    events: list[PlannedEvent],
    *,
    processed: Processed,
    projects: Sequence[Project],
    queue: EventQueue,
    processes: list[ManagedProcess],
    database_url: str,
    console: Console,
) -> None:
    """Send the events that are not sent yet, and redrive dead letters meanwhile and afterwards."""
    target = target_of(events, projects=projects)
    watch = Watch(console=console, target=target, processes=processes)
    earlier = len(processed.sent)
    last = [event for event in events if _is_after_reopening(event)]
    before = events[earlier : len(events) - len(last)]

    def on_progress(sent: list[SentEvent], backlog: int) -> None:
        if watch.poll_if_due(published=earlier + len(sent), queued=backlog):
            request_redrives(database_url=database_url, count=1)

    processed.sent += queue.publish(before, max_backlog=MAX_BACKLOG, on_progress=on_progress)
    watch.published = len(processed.sent)
    try:
        watch.wait(target.letters_are_collected, queued=queue.depth)
        console.print("Redriving all dead letters that wait: manage.py dlq redrive --every")
        call_command("dlq", "redrive", "--every", "--yes", stdout=StringIO())
        watch.wait(target.all_events_are_done, queued=queue.depth)
        console.print("Reopening closed conversations: manage.py conversations reopen")
        for event in last:
            _reopen_latest(event.contact)
        processed.sent += queue.publish(last, max_backlog=MAX_BACKLOG)
        watch.published = len(processed.sent)
        watch.wait(target.all_events_are_done, queued=queue.depth)
        # This is not done earlier, because each tick costs a receive and a delete, which are
        # counted.
        schedule("tasks.closing.close_due_conversations", seconds=_SECONDS_BETWEEN_CLOSING_TICKS)
        processed.closings = plan_closings(projects, now=now())
        watch.announce(processed.closings)
        set_closing_times(processed.closings)
        watch.wait(target.is_reached, queued=queue.depth)
    except Stalled as error:
        processed.stalled = str(error)


def _is_after_reopening(event: PlannedEvent) -> bool:
    return isinstance(event.effect, Message) and event.effect.after_reopening


def _reopen_latest(contact: Contact) -> None:
    """Reopen the latest conversation of a contact, and wait until that is done."""
    conversations = Conversation.objects.filter(
        project=UUID(contact.project), channel_uuid=contact.channel, contact_urn=contact.urn
    )
    uuid = conversations.latest("opened_at").uuid
    call_command("conversations", "reopen", str(uuid), "--yes", stdout=StringIO())


def _compare(
    processed: Processed,
    *,
    stack: Stack,
    environment: Mapping[str, str],
    started_at: datetime,
    logs: Mapping[str, str],
) -> Compared:
    found = read_stores(
        database_url=stack.database_url,
        dynamodb=boto3.client("dynamodb", region_name=environment["DYNAMODB_REGION"]),
        table=environment["DYNAMODB_MESSAGE_TABLE"],
        sqs=_sqs(environment),
        queue_url=environment["SQS_CONVERSATION_QUEUE_URL"],
        dead_letter_queue_url=environment["SQS_CONVERSATION_DLQ_URL"],
        lake=stack.lake,
    )
    sent = processed.sent
    closings = {closing.project.uuid: closing.at for closing in processed.closings}
    expected = expected_effects(sent, closings=closings)
    wanted_figures, figures = expected_figures(expected), read_figures(started_at=started_at)
    # Only messages of beat and uncollected dead letters may be left.
    defects = check(
        sent=sent, stores=found, closings=closings, is_drained=False, lake_may_repeat=False
    )
    defects += check_figures(expected=wanted_figures, found=figures)
    defects += check_logs(sent=sent, logs=logs)
    return Compared(
        expected=expected,
        found=found,
        expected_figures=wanted_figures,
        figures=figures,
        defects=defects,
    )


def _sqs(environment: Mapping[str, str]) -> "SQSClient":
    return boto3.client("sqs", region_name=environment["SQS_CONVERSATION_REGION"])
