"""The events of a random schedule, and the rules that must always hold for them.

A broken rule is noted in `violations` and not raised as an error, because the code that calls the
check may handle every exception.
"""

import json
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from celery_sqs_fifo import BatchItem, EventsFailed, Outcome, Result

UNAVAILABLE = Outcome(Result.UNAVAILABLE, "unavailable", "down")
LOCKED = Outcome(Result.UNAVAILABLE, "unavailable", "locked", is_local=True)
BUG = Outcome(Result.BUG, "bug", "a bug")
INVALID = Outcome(Result.INVALID, "invalid", "it can never take effect")


class Kind(StrEnum):
    """The kind of an event, which determines the results of its runs."""

    PLAIN = "plain"
    BARRIER = "barrier"
    POINTER = "pointer"
    INVALID = "invalid"
    FORGED = "forged"
    TICK = "tick"
    UNAVAILABLE = "unavailable a few times"
    LOCKED = "locked a few times"
    BUG = "a bug a few times"
    HOPELESS = "a bug for ever"


# The outcomes of the failed runs of events that succeed later.
FAILURES = {Kind.UNAVAILABLE: UNAVAILABLE, Kind.LOCKED: LOCKED, Kind.BUG: BUG, Kind.HOPELESS: BUG}
BARRIERS = {Kind.BARRIER, Kind.POINTER}
# The reasons for which events that can never succeed are quarantined.
REASONS = {Kind.INVALID: "invalid", Kind.FORGED: "not_allowed"}
TASKS = {Kind.POINTER: "close", Kind.FORGED: "undeclared", Kind.TICK: "tick"}
# Groups with a common scope. All other groups have no scope.
SCOPE = {"a", "b"}
# A tick may be dropped after this time. All times here are in seconds.
STALE_AFTER = 300.0


@dataclass(eq=False, kw_only=True)
class Event:
    """An event and its history.

    `bugs` counts the runs that ended in a bug or in the loss of the process. `met_outage` is true
    if the event ran, or was held by a worker, while a dependency was unavailable. `may_run_twice`
    is true if another worker may run the event, too: a lease of the event may have ended early, or
    a process that may have run the event was lost.
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
    may_run_twice: bool = False

    @property
    def is_barrier(self) -> bool:
        return self.kind in BARRIERS

    @property
    def body(self) -> str:
        """Return the body of the message, which is an event or a Celery message."""
        if self.kind not in TASKS:
            scope = "shared" if self.group in SCOPE else self.group
            is_barrier = self.kind is Kind.BARRIER
            return json.dumps({"name": self.name, "barrier": is_barrier, "scope": scope})
        arguments = [] if self.kind is Kind.TICK else [self.name]
        body = json.dumps([arguments, {}, {}])
        return json.dumps({"headers": {"task": TASKS[self.kind]}, "body": body})

    def __str__(self) -> str:
        return f"{self.group}:{self.name[-4:]} ({self.kind})"


def is_barrier(document: dict[str, object]) -> bool:
    """Return whether an event is a barrier, as an application does."""
    return bool(document["barrier"])


def labels_of(*, event: Any = None, **_message: Any) -> dict[str, Any]:
    """Return the log fields of a message, as an application does."""
    return {"scope": event["scope"]} if isinstance(event, dict) else {}


class Journal:
    """All events in the order in which they were sent, and the violations of rules.

    `now` is the wall clock. An event is close to the end of its retention `old_after` seconds after
    it was queued.
    """

    def __init__(self, *, max_bug_runs: int, old_after: float, now: Callable[[], float]) -> None:
        self.groups: defaultdict[str, list[Event]] = defaultdict(list)
        self.violations: list[str] = []
        # The outcome of all runs and of the probe during an outage.
        self.outage: Outcome | None = None
        self._max_bug_runs = max_bug_runs
        self._old_after = old_after
        self._now = now
        self._by_message_id: dict[str, Event] = {}

    @property
    def events(self) -> list[Event]:
        return list(self._by_message_id.values())

    def of(self, message_id: str) -> Event:
        """Return the event that was sent as this message."""
        return self._by_message_id[message_id]

    def new_event(self, *, group: str, kind: Kind, failures: int) -> Event:
        """Return a new event, which has not been sent."""
        name = str(UUID(int=len(self._by_message_id)))
        if kind is Kind.HOPELESS:
            failures = 1_000_000
        elif kind not in FAILURES:
            failures = 0
        return Event(name=name, group=group, kind=kind, failures_left=failures)

    def note_sent(self, event: Event, *, message_id: str) -> None:
        self.groups[event.group].append(event)
        self._by_message_id[message_id] = event

    def check_start(self, event: Event) -> None:
        """Check the rules for barriers at the start of a run with a valid lease."""
        for earlier in self._before(event):
            if not earlier.is_deleted and (event.is_barrier or earlier.is_barrier):
                self.violations.append(f"{event} runs before {earlier} is deleted")

    def run(self, item: BatchItem) -> None:
        """Run an event as a pool process does. Raise EventsFailed if it does not succeed."""
        event = self.of(item.event.message_id)
        if event.kind is Kind.FORGED:
            self.violations.append(f"{event} runs")
        if self.outage:
            event.bugs += self.outage is BUG
            event.met_outage |= self.outage is UNAVAILABLE
            raise EventsFailed([self.outage])
        if event.kind is Kind.INVALID:
            raise EventsFailed([INVALID])
        if event.failures_left:
            event.failures_left -= 1
            outcome = FAILURES[event.kind]
            event.bugs += outcome is BUG
            event.met_outage |= outcome is not BUG
            raise EventsFailed([outcome])
        self._take_effect(event)

    def note_dead(self, message_id: str, *, reason: str) -> None:
        """Note that a copy of an event has reached the dead-letter queue with this reason."""
        event = self.of(message_id)
        event.dead_for = reason
        self._check_one_verdict(event)
        if not self._is_reason(reason, event):
            self.violations.append(f"{event} is quarantined for {reason} after {event.bugs} bugs")

    def note_deleted(self, message_id: str) -> None:
        event = self.of(message_id)
        event.is_deleted = True
        if not (event.took_effect or event.dead_for or self._may_be_dropped(event)):
            self.violations.append(f"{event} is deleted without effect or copy")

    def is_old(self, message_id: str) -> bool:
        """Return whether an event is close to the end of its retention."""
        return self._is_old(self.of(message_id))

    def check_end(self) -> None:
        """Check that no event is on the queue, and that all invalid events are dead letters."""
        for event in self.events:
            if not event.is_deleted:
                self.violations.append(f"{event} is still on the queue")
            if event.kind in REASONS and not event.dead_for:
                self.violations.append(f"{event} is not in the dead-letter queue")

    def _take_effect(self, event: Event) -> None:
        if event.took_effect:
            return
        event.took_effect = True
        self._check_one_verdict(event)
        for earlier in self._before(event):
            if not self._may_be_passed(earlier):
                self.violations.append(f"{event} takes effect before {earlier}")

    def _check_one_verdict(self, event: Event) -> None:
        """Check that an event does not both take effect and become a dead letter."""
        is_excused = event.may_run_twice or event.was_revoked
        if event.took_effect and event.dead_for and not is_excused:
            self.violations.append(f"{event} took effect, and is a dead letter")

    def _may_be_passed(self, event: Event) -> bool:
        """Return whether later events of this event's group may take effect before it."""
        is_over = event.took_effect or bool(event.dead_for) or self._may_be_dropped(event)
        return is_over or event.was_revoked or event.kind in REASONS

    def _is_reason(self, reason: str, event: Event) -> bool:
        match reason:
            case "bug" | "lost":
                return event.bugs >= self._max_bug_runs or (event.bugs > 0 and self._is_old(event))
            case "unavailable":
                return event.met_outage and self._is_old(event)
            case "revoked":
                return event.was_revoked
            case _:
                return reason == REASONS.get(event.kind)

    def _is_old(self, event: Event) -> bool:
        return self._now() - event.queued_at > self._old_after

    def _may_be_dropped(self, event: Event) -> bool:
        """Return whether this is an old tick, and a newer one was sent to its group."""
        if event.kind is not Kind.TICK or self._now() - event.queued_at <= STALE_AFTER:
            return False
        group = self.groups[event.group]
        return any(later.kind is Kind.TICK for later in group[group.index(event) + 1 :])

    def _before(self, event: Event) -> list[Event]:
        group = self.groups[event.group]
        return group[: group.index(event)]
