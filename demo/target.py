"""How far the service has come, and how far it must come."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from testbed.traffic.events import Answer, Closing, Invalid, PlannedEvent
from testbed.traffic.projects import Project


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What has happened so far; `queued` are messages, `opened` all conversations ever.

    `closed_by_time` counts those of `closed` that the clock closed, by their project's uuid.
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
        """Conversations that are open."""
        return self.opened - self.closed


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What there will be in the end: `left_open`, by project, are what the clock closes."""

    events: int
    closed_by_events: int
    left_open: Mapping[str, int]
    answers: int

    @property
    def closed(self) -> int:
        """All conversations that close."""
        return self.closed_by_events + sum(self.left_open.values())

    def all_events_are_done(self, snapshot: Snapshot) -> bool:
        """Whether the queue is empty, and nothing but the clock and the lake is missing."""
        return (
            snapshot.queued == 0
            and snapshot.archived >= self.closed_by_events
            and snapshot.answers >= self.answers
        )

    def is_reached(self, snapshot: Snapshot) -> bool:
        """Whether all that was left open has closed too, and the lake has every answer.

        What is queued after all events are done is beat's.
        """
        return (
            snapshot.archived >= self.closed
            and snapshot.in_lake == snapshot.answers >= self.answers
        )


def target_of(events: Sequence[PlannedEvent], *, projects: Sequence[Project]) -> Target:
    """Return what these events come to; the clock closes what they leave open of these projects."""
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
