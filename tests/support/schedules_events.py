"""The events of a random schedule, and what must hold of them whatever happens.

A check that fails is noted in `violations`, not raised: it may be made deep in code that handles
every exception.
"""

import json
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from celery_sqs_fifo import BatchItem, EventsFailed, Outcome, Result

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
    TICK = "tick"
    UNAVAILABLE = "unavailable a few times"
    BUG = "a bug a few times"
    HOPELESS = "a bug for ever"


BARRIERS = {Kind.BARRIER, Kind.POINTER}
# Why an event of a kind that can never succeed is quarantined.
REASONS = {Kind.INVALID: "invalid", Kind.FORGED: "not_allowed"}
TASKS = {Kind.POINTER: "close", Kind.FORGED: "undeclared", Kind.TICK: "tick"}
# A tick that has waited for longer is dropped (in seconds, as all times here).
STALE_AFTER = 300.0


@dataclass(eq=False, kw_only=True)
class Event:
    """One event: what it is, and what has become of it. `bugs` counts runs and lost processes.

    `met_outage`: it was run, or a worker held it, while a dependency was unavailable.
    """

    name: str
    group: str
    kind: Kind
    failures_left: int
    queued_at: float = 0.0
    took_effect: bool = False
    is_deleted: bool = False
    dead_for: str = ""
    bugs: int = 0
    met_outage: bool = False
    was_revoked: bool = False

    @property
    def is_barrier(self) -> bool:
        return self.kind in BARRIERS

    @property
    def body(self) -> str:
        """What stands on the queue: an event, or a message of Celery's."""
        if self.kind not in TASKS:
            return json.dumps({"name": self.name, "barrier": self.kind is Kind.BARRIER})
        arguments = [] if self.kind is Kind.TICK else [self.name]
        body = json.dumps([arguments, {}, {}])
        return json.dumps({"headers": {"task": TASKS[self.kind]}, "body": body})

    def __str__(self) -> str:
        return f"{self.group}:{self.name[-4:]} ({self.kind})"


def is_barrier(document: dict[str, object]) -> bool:
    """What the application says of an event's JSON."""
    return bool(document["barrier"])


class Journal:
    """All events, in the order they were sent, and the rules that were broken.

    `now` is the wall clock. An event nears its retention `old_after` seconds after it was queued.
    """

    def __init__(self, *, max_bug_runs: int, old_after: float, now: Callable[[], float]) -> None:
        self.groups: defaultdict[str, list[Event]] = defaultdict(list)
        self.violations: list[str] = []
        self.is_outage = False
        self._most_bugs = max_bug_runs
        self._old_after = old_after
        self._now = now
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
        """Barriers and ticks, at the beginning of a run whose lease SQS has not ended."""
        if self._is_stale_tick(event):
            self.violations.append(f"{event} runs, and is stale")
        for earlier in self._before(event):
            if not earlier.is_deleted and (event.is_barrier or earlier.is_barrier):
                self.violations.append(f"{event} runs, and {earlier} is not deleted")

    def run(self, item: BatchItem) -> None:
        """What a pool process does with an event. Raises EventsFailed if it does not succeed."""
        event = self.of(item.event.message_id)
        if event.kind is Kind.FORGED:
            self.violations.append(f"{event} runs")
        if self.is_outage:
            event.met_outage = True
            raise EventsFailed([UNAVAILABLE])
        if event.kind is Kind.INVALID:
            raise EventsFailed([INVALID])
        if event.failures_left:
            event.failures_left -= 1
            is_bug = event.kind is not Kind.UNAVAILABLE
            event.bugs += is_bug
            event.met_outage |= not is_bug
            raise EventsFailed([BUG if is_bug else UNAVAILABLE])
        self._take_effect(event)

    def note_dead(self, message_id: str, *, reason: str) -> None:
        """A copy of it, with this reason, has reached the dead-letter queue."""
        event = self.of(message_id)
        event.dead_for = reason
        if not self._is_reason(reason, event):
            self.violations.append(f"{event} is quarantined for {reason} after {event.bugs} bugs")

    def note_deleted(self, message_id: str) -> None:
        event = self.of(message_id)
        event.is_deleted = True
        if not (event.took_effect or event.dead_for or self._is_stale_tick(event)):
            self.violations.append(f"{event} is deleted without effect or copy")

    def is_old(self, message_id: str) -> bool:
        """Whether an event nears its retention."""
        return self._is_old(self.of(message_id))

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
            if not self._may_be_passed(earlier):
                self.violations.append(f"{event} takes effect before {earlier}")

    def _may_be_passed(self, event: Event) -> bool:
        """Whether later events of its group may take effect."""
        is_over = event.took_effect or bool(event.dead_for) or self._is_stale_tick(event)
        return is_over or event.was_revoked or event.kind in REASONS

    def _is_reason(self, reason: str, event: Event) -> bool:
        match reason:
            case "bug" | "lost":
                return event.bugs >= self._most_bugs
            case "unavailable":
                return event.met_outage and self._is_old(event)
            case "revoked":
                return event.was_revoked
            case _:
                return reason == REASONS.get(event.kind)

    def _is_old(self, event: Event) -> bool:
        return self._now() - event.queued_at > self._old_after

    def _is_stale_tick(self, event: Event) -> bool:
        return event.kind is Kind.TICK and self._now() - event.queued_at > STALE_AFTER

    def _before(self, event: Event) -> list[Event]:
        group = self.groups[event.group]
        return group[: group.index(event)]
