"""The events of a random schedule, and what must hold of them whatever happens.

A check that fails is noted in `violations`, not raised: it may be made deep in code that handles
every exception.
"""

import json
from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from tasks.sqs_fifo.chain import EventsFailed, Work
from tasks.sqs_fifo.delivery import Outcome, Result

UNAVAILABLE = Outcome(Result.UNAVAILABLE, "unavailable", "down")
BUG = Outcome(Result.BUG, "bug", "a bug")
INVALID = Outcome(Result.INVALID, "invalid", "it never can take effect")


class Kind(StrEnum):
    """What an event is, and so what running it comes to."""

    PLAIN = "plain"
    BARRIER = "barrier"
    POINTER = "pointer"
    INVALID = "invalid"
    FORGED = "forged"
    UNAVAILABLE = "unavailable a few times"
    BUG = "a bug a few times"
    HOPELESS = "a bug for ever"


BARRIERS = {Kind.BARRIER, Kind.POINTER}
# Why an event of a kind that can never succeed is quarantined.
REASONS = {Kind.INVALID: "invalid", Kind.FORGED: "not_allowed"}


@dataclass(eq=False, kw_only=True)
class Event:
    """One event: what it is, and what has become of it. `bugs` counts runs and lost processes."""

    name: str
    group: str
    kind: Kind
    failures_left: int
    took_effect: bool = False
    is_deleted: bool = False
    dead_for: str = ""
    bugs: int = 0

    @property
    def is_barrier(self) -> bool:
        return self.kind in BARRIERS

    @property
    def may_be_passed(self) -> bool:
        """Whether later events of its group may take effect."""
        return self.took_effect or bool(self.dead_for) or self.kind in REASONS

    @property
    def body(self) -> str:
        """What stands on the queue: an event, or a message of Celery's."""
        if self.kind not in (Kind.POINTER, Kind.FORGED):
            return json.dumps({"name": self.name, "barrier": self.kind is Kind.BARRIER})
        task = "close" if self.kind is Kind.POINTER else "undeclared"
        return json.dumps({"headers": {"task": task}, "body": json.dumps([[self.name], {}, {}])})

    def __str__(self) -> str:
        return f"{self.group}:{self.name[-4:]} ({self.kind})"


def is_barrier(document: dict[str, object]) -> bool:
    """What the application says of an event's JSON."""
    return bool(document["barrier"])


class Journal:
    """All events, in the order they were sent, and the rules that were broken."""

    def __init__(self, *, most_bugs: int) -> None:
        self.groups: defaultdict[str, list[Event]] = defaultdict(list)
        self.violations: list[str] = []
        self.is_outage = False
        self._most_bugs = most_bugs
        self._by_message_id: dict[str, Event] = {}

    @property
    def events(self) -> list[Event]:
        return list(self._by_message_id.values())

    def of(self, message_id: str) -> Event:
        """The event that was sent as this message."""
        return self._by_message_id[message_id]

    def new_event(self, *, group: str, kind: Kind, failures: int) -> Event:
        """An event that is about to be sent."""
        name = str(UUID(int=len(self._by_message_id)))
        if kind is Kind.HOPELESS:
            failures = 1_000_000
        elif kind not in (Kind.UNAVAILABLE, Kind.BUG):
            failures = 0
        return Event(name=name, group=group, kind=kind, failures_left=failures)

    def note_sent(self, event: Event, *, message_id: str) -> None:
        self.groups[event.group].append(event)
        self._by_message_id[message_id] = event

    def check_start(self, event: Event) -> None:
        """Barriers, at the beginning of a run whose lease SQS has not ended."""
        for earlier in self._before(event):
            if not earlier.is_deleted and (event.is_barrier or earlier.is_barrier):
                self.violations.append(f"{event} runs, and {earlier} is not deleted")

    def run(self, work: Work) -> None:
        """What a pool process does with an event. Raises EventsFailed if it does not succeed."""
        event = self.of(work.event.message_id)
        if event.kind is Kind.FORGED:
            self.violations.append(f"{event} runs")
        if self.is_outage:
            raise EventsFailed([UNAVAILABLE])
        if event.kind is Kind.INVALID:
            raise EventsFailed([INVALID])
        if event.failures_left:
            event.failures_left -= 1
            is_bug = event.kind is not Kind.UNAVAILABLE
            event.bugs += is_bug
            raise EventsFailed([BUG if is_bug else UNAVAILABLE])
        self._take_effect(event)

    def note_dead(self, message_id: str, *, reason: str) -> None:
        """A copy of it, with this reason, has reached the dead-letter queue."""
        event = self.of(message_id)
        event.dead_for = reason
        is_right = (
            reason == REASONS[event.kind]
            if event.kind in REASONS and reason not in ("bug", "lost")
            else reason in ("bug", "lost") and event.bugs >= self._most_bugs
        )
        if not is_right:
            self.violations.append(f"{event} is quarantined for {reason} after {event.bugs} bugs")

    def note_deleted(self, message_id: str) -> None:
        event = self.of(message_id)
        event.is_deleted = True
        if not (event.took_effect or event.dead_for):
            self.violations.append(f"{event} is deleted without effect or copy")

    def check_end(self) -> None:
        """Nothing is lost, and what never can take effect is where people look for it."""
        for event in self.events:
            if not event.is_deleted:
                self.violations.append(f"{event} is still on the queue")
            if event.kind in REASONS and not event.dead_for:
                self.violations.append(f"{event} is not in the dead-letter queue")

    def _take_effect(self, event: Event) -> None:
        if event.took_effect:
            return
        event.took_effect = True
        for earlier in self._before(event):
            if not earlier.may_be_passed:
                self.violations.append(f"{event} takes effect before {earlier}")

    def _before(self, event: Event) -> list[Event]:
        group = self.groups[event.group]
        return group[: group.index(event)]
