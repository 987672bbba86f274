"""The progress of the service, and its target."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from testbed.traffic.events import Answer, Closing, Invalid, PlannedEvent
from testbed.traffic.projects import Project


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What has happened so far. `queued` counts messages, `opened` conversations, closed or not.

    `closed_by_time` counts the conversations that were closed by time, by their project's uuid.
    """

    published: int
    queued: int
    opened: int
    closed: int
    closed_by_time: Mapping[str, int]
    archived: int
    answers: int
    in_lake: int

    @property
    def in_progress(self) -> int:
        """The number of open conversations."""
        return self.opened - self.closed


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The state at the end. `left_open` counts the conversations to close by time, by project."""

    events: int
    closed_by_events: int
    left_open: Mapping[str, int]
    answers: int

    @property
    def closed(self) -> int:
        """The number of conversations that close."""
        return self.closed_by_events + sum(self.left_open.values())

    def all_events_are_done(self, snapshot: Snapshot) -> bool:
        """Whether all is done except for closings by time and deliveries to the lake."""
        return (
            snapshot.queued == 0
            and snapshot.archived >= self.closed_by_events
            and snapshot.answers >= self.answers
        )

    def is_reached(self, snapshot: Snapshot) -> bool:
        """Whether all conversations have closed and the lake has every answer.

        The queue does not matter: after all events, it has messages of beat only.
        """
        return (
            snapshot.archived >= self.closed
            and snapshot.in_lake == snapshot.answers >= self.answers
        )


def target_of(events: Sequence[PlannedEvent], *, projects: Sequence[Project]) -> Target:
    """Return the target of these events. Of `projects`, open conversations close by time."""
    conversations = {
        (event.contact, event.effect.conversation)
        for event in events
        if not isinstance(event.effect, Invalid)
    }
    closed = {
        (event.contact, event.effect.conversation)
        for event in events
        if isinstance(event.effect, Closing)
    }
    left_open = Counter(contact.project for contact, _ in conversations - closed)
    return Target(
        events=len(events),
        closed_by_events=len(closed),
        left_open={project.uuid: left_open[project.uuid] for project in projects},
        answers=sum(isinstance(event.effect, Answer) for event in events),
    )
