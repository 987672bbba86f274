"""What the service counts, as Prometheus metrics.

Mostly in pool processes: where a worker has some, they share the counters through files (see
observability.metrics.exporter). The names are listed in docs/metrics.md. Labels name kinds, never
who it was.
"""

import time
from collections import Counter as Tally
from collections.abc import Sequence
from functools import cache

from prometheus_client import CollectorRegistry, Counter, Histogram

from apps.analytics.outbox import Batch
from apps.conversations.attribution import Attribution
from celery_sqs_fifo import Result, Work

DONE = "done"
# An event that could not be read has no type that could be trusted as a label.
UNREAD = "unread"
LATENCIES = (
    *(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0),
    *(60.0, 300.0, 900.0, 3_600.0, 14_400.0, 86_400.0),
)
STEP_SECONDS = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0)


class Metrics:
    """The counters of one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.ended = self._counter(
            "events_ended",
            "Runs of events that ended, by what came of them; a rerun or redelivery counts again.",
            "event_type",
            "outcome",
        )
        self.latency = Histogram(
            "conversations_event_latency_seconds",
            "From the time at which an event was first queued until it took effect.",
            buckets=LATENCIES,
            registry=self.registry,
        )
        self.step_seconds = Histogram(
            "conversations_step_seconds",
            "How long a step took for all events of a bundle.",
            ("step",),
            buckets=STEP_SECONDS,
            registry=self.registry,
        )
        self.stored = self._counter("messages_stored", "Messages that were written to DynamoDB.")
        self.duplicates = self._counter(
            "duplicates_ignored",
            "Messages and answers of redelivered events that were there already.",
            "kind",
        )
        self.foreign_group = self._counter(
            "foreign_group_events",
            "Events that came by another message group than their conversation's.",
        )
        self.late = self._counter(
            "late_messages",
            "Messages that came after their conversation had closed: by their time, or found in"
            " DynamoDB after it was archived.",
            "found",
        )
        self.opened = self._counter("opened", "Conversations that were opened.")
        self.closed = self._counter("closed", "Conversations that were closed, by what.", "by")
        self.archives = self._counter(
            "archives_written", "Moves of a conversation's messages into its archive."
        )
        self.archived = self._counter(
            "messages_archived", "Versions of messages that were moved into archives."
        )
        self.lake = self._counter(
            "lake_events", "Events that the data lake took, or refused for good.", "result"
        )
        self.collected = self._counter(
            "dead_letters_collected", "Dead letters that were moved into PostgreSQL."
        )
        # A series that is there from the beginning is one whose first increase is seen.
        for counter, values in (
            (self.duplicates, ("message", "answer")),
            (self.late, ("by_time", "by_search")),
            (self.closed, ("time", "event", "hand", "takeover")),
            (self.lake, ("delivered", "refused")),
        ):
            for value in values:
                counter.labels(value)

    def _counter(self, name: str, meaning: str, *labels: str) -> Counter:
        return Counter(f"conversations_{name}", meaning, labels, registry=self.registry)


@cache
def metrics() -> Metrics:
    """This process's counters, made when they are first asked for, as the transport's are."""
    return Metrics()


def step_ended(step: str, *, seconds: float) -> None:
    """A task of the chain has run once."""
    metrics().step_seconds.labels(step.rpartition(".")[2]).observe(seconds)


def delivery_ended(works: Sequence[Work]) -> None:
    """A delivery has come to its end: those without an outcome took effect."""
    ends = Tally((event_type_of(work), _outcome_of(work)) for work in works)
    for (event_type, outcome), number in ends.items():
        if outcome != Result.WAITING:
            metrics().ended.labels(event_type, outcome).inc(number)
    now = time.time()
    latency = metrics().latency
    for work in works:
        if work.outcome is None:
            latency.observe(max(0.0, now - work.event.sent_at / 1000))


def attributed(attribution: Attribution) -> None:
    """A message or a window has its conversation."""
    if attribution.opened:
        metrics().opened.inc()
    if attribution.foreign_group:
        metrics().foreign_group.inc()
    if attribution.late:
        metrics().late.labels("by_time").inc()


def stored(*, is_new: bool) -> None:
    """A message was written with a condition: it was new, or there already."""
    if is_new:
        metrics().stored.inc()
    else:
        metrics().duplicates.labels("message").inc()


def moved(messages: int) -> None:
    """So many versions of messages of one conversation were moved into its archive."""
    if messages:
        metrics().archives.inc()
        metrics().archived.inc(messages)


def lake_was_told(batch: Batch) -> None:
    """The data lake has answered."""
    metrics().lake.labels("delivered").inc(batch.delivered)
    metrics().lake.labels("refused").inc(batch.refused)


def event_type_of(work: Work) -> str:
    """The type of an event that could be read, as a label."""
    return str(work.state.event_type) if work.state else UNREAD


def _outcome_of(work: Work) -> str:
    return str(work.outcome.result) if work.outcome else DONE
