"""Follows the progress of the service to the state that it must reach. Needs Django's settings."""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from django.db.models import F
from rich.console import Console

from apps.analytics.models import OutboxEvent, SurveyAnswer
from apps.conversations.models import Conversation, Resolution
from apps.messages.models import DeadLetter
from demo.closings import ClosingLines, ClosingTime
from embedded.processes import ManagedProcess
from testbed.traffic.events import Answer, Closing, Invalid, Message, PlannedEvent
from testbed.traffic.projects import Project
from testbed.traffic.redriving import REASON

_POLL_SECONDS = 0.5
_SECONDS_BETWEEN_LINES = 5.0
# Longer than a lease of the queue, after which a lost message is delivered again.
_STALLED_AFTER_SECONDS = 90.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The progress so far, as counts.

    published: the events that the demo has sent.
    queued: the messages on the events' queue, visible or in flight, those of beat included.
    opened: all conversations, open or closed.
    closed, archived: the closed conversations, and those of them that are archived.
    closed_by_time: the conversations that closed at their project's closing time, by the project's
        uuid.
    answers: the recorded survey answers with a valid value.
    in_lake: the answers that the data lake has.
    letters: the dead letters of valid events in PostgreSQL, redriven or not.
    """

    published: int
    queued: int
    opened: int
    closed: int
    closed_by_time: Mapping[str, int]
    archived: int
    answers: int
    in_lake: int
    letters: int

    @property
    def in_progress(self) -> int:
        """The number of open conversations."""
        return self.opened - self.closed


def take_snapshot(*, published: int, queued: int) -> Snapshot:
    """Return the progress of the service, read from PostgreSQL."""
    closed = Conversation.objects.exclude(resolution=Resolution.IN_PROGRESS)
    by_time = closed.filter(ended_at__gte=F("closes_at")).values_list("project", flat=True)
    return Snapshot(
        published=published,
        queued=queued,
        opened=Conversation.objects.count(),
        closed=closed.count(),
        closed_by_time=Counter(map(str, by_time)),
        archived=closed.exclude(archived_at=None).count(),
        answers=SurveyAnswer.objects.filter(problem="").count(),
        letters=DeadLetter.objects.filter(reason=REASON).count(),
        in_lake=OutboxEvent.objects.exclude(delivered_at=None).count(),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The state that the service must reach.

    events: all events that the demo sends.
    closed_by_events: the conversations that events close and that are not reopened.
    left_open: the conversations that are open after all events and close at their project's closing
        time, by the project's uuid.
    answers: the survey answers that go to the data lake.
    letters: the valid events that are dead letters at first and are redriven.
    """

    events: int
    closed_by_events: int
    left_open: Mapping[str, int]
    answers: int
    letters: int

    @property
    def closed(self) -> int:
        """The number of conversations that close, by an event or by time."""
        return self.closed_by_events + sum(self.left_open.values())

    def letters_are_collected(self, snapshot: Snapshot) -> bool:
        """Whether the dead letters of all valid events have been collected."""
        return snapshot.letters >= self.letters

    def all_events_are_done(self, snapshot: Snapshot) -> bool:
        """Whether only closings by time and deliveries to the data lake are left to do."""
        return (
            snapshot.queued == 0
            and snapshot.archived >= self.closed_by_events
            and snapshot.answers >= self.answers
        )

    def is_reached(self, snapshot: Snapshot) -> bool:
        """Whether all conversations that close are archived, and the lake has every answer.

        The size of the queue is not checked, because beat keeps sending messages. All events have
        been processed before this is asked.
        """
        return (
            snapshot.archived >= self.closed
            and snapshot.in_lake == snapshot.answers >= self.answers
        )


def target_of(events: Sequence[PlannedEvent], *, projects: Sequence[Project]) -> Target:
    """Return the target of these events.

    Conversations that are open after all events close by time in `projects`. In the projects of the
    samples, they stay open.
    """
    conversations = {
        (event.contact, event.effect.conversation)
        for event in events
        if not isinstance(event.effect, Invalid) and event.effect.conversation
    }
    closed = {
        (event.contact, event.effect.conversation)
        for event in events
        if isinstance(event.effect, Closing)
    }
    closed -= {
        (event.contact, event.effect.conversation)
        for event in events
        if isinstance(event.effect, Message) and event.effect.after_reopening
    }
    left_open = Counter(contact.project for contact, _ in conversations - closed)
    return Target(
        events=len(events),
        closed_by_events=len(closed),
        left_open={project.uuid: left_open[project.uuid] for project in projects},
        letters=sum(event.is_redriven for event in events),
        answers=sum(
            isinstance(event.effect, Answer) and not event.effect.unscorable for event in events
        ),
    )


class Stalled(RuntimeError):
    """The service has not changed anything for a long time, before it reached its target."""


class Watch:
    """Polls the service. Prints a line every few seconds, and one for each project that has closed.

    `published` is the number of events sent so far. Each method that polls raises Stalled if
    nothing has changed for a long time, and ProcessError if a process has ended.
    """

    def __init__(
        self, *, console: Console, target: Target, processes: Sequence[ManagedProcess]
    ) -> None:
        self.published = 0
        self._console = console
        self._target = target
        self._processes = processes
        self._closings: ClosingLines | None = None
        self._last: Snapshot | None = None
        self._changed_at = self._polled_at = self._next_line_at = 0.0

    def announce(self, closings: Sequence[ClosingTime]) -> None:
        """Print each project's closing from now on."""
        self._console.print("Each project closes in a few seconds, at a time in its own zone:")
        self._closings = ClosingLines(
            console=self._console, closings=closings, left_open=self._target.left_open
        )

    def wait(self, until: Callable[[Snapshot], bool], *, queued: Callable[[], int]) -> None:
        """Poll until the service has reached a state. `queued` returns the size of the queue."""
        while not until(self._poll(queued=queued())):
            time.sleep(_POLL_SECONDS)

    def poll_if_due(self, *, published: int, queued: int) -> bool:
        """Poll, unless the last poll was a moment ago. Return whether it was due."""
        self.published = published
        is_due = time.monotonic() >= self._polled_at + _POLL_SECONDS
        if is_due:
            self._poll(queued=queued)
        return is_due

    def _poll(self, *, queued: int) -> Snapshot:
        for process in self._processes:
            process.check()
        snapshot = take_snapshot(published=self.published, queued=queued)
        self._print(snapshot)
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

    def _print(self, snapshot: Snapshot) -> None:
        if self._closings:
            self._closings.show(snapshot.closed_by_time)
        if time.monotonic() >= self._next_line_at:
            self._next_line_at = time.monotonic() + _SECONDS_BETWEEN_LINES
            self._console.print(
                f"published {snapshot.published}/{self._target.events}, "
                f"in the queue {snapshot.queued}, "
                f"conversations open {snapshot.in_progress}, closed {snapshot.closed}, "
                f"archived {snapshot.archived}/{self._target.closed}, "
                f"answers in the lake {snapshot.in_lake}/{self._target.answers}",
                soft_wrap=True,
                highlight=False,
            )
