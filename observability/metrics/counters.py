"""Counting what the service does.

Mostly in pool processes: where a worker has some, they share the counters through files (see
observability.metrics.exporter).
"""

import time
from collections import Counter as Tally
from collections.abc import Sequence
from functools import cache

from prometheus_client import CollectorRegistry, Counter, Histogram

from apps.analytics.outbox import DeliveryCounts
from apps.conversations.attribution import Attribution
from celery_sqs_fifo import BatchItem, Result
from observability.metrics import definitions

DONE = "done"
# An event that could not be read has no type that could be trusted as a label.
UNREAD = "unread"


class Metrics:
    """The counters of one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.ended = self._counter(definitions.EVENTS_ENDED)
        self.latency = self._histogram(definitions.EVENT_LATENCY)
        self.step_seconds = self._histogram(definitions.STEP_SECONDS)
        self.stored = self._counter(definitions.MESSAGES_STORED)
        self.duplicates = self._counter(definitions.DUPLICATES_IGNORED)
        self.foreign_group = self._counter(definitions.FOREIGN_GROUP_EVENTS)
        self.late = self._counter(definitions.LATE_MESSAGES)
        self.opened = self._counter(definitions.OPENED)
        self.closed = self._counter(definitions.CLOSED)
        self.archives = self._counter(definitions.ARCHIVES_WRITTEN)
        self.archived = self._counter(definitions.MESSAGES_ARCHIVED)
        self.lake = self._counter(definitions.LAKE_EVENTS)
        self.collected = self._counter(definitions.DEAD_LETTERS_COLLECTED)

    def _counter(self, defined: definitions.Counter) -> Counter:
        counter = Counter(defined.name, defined.meaning, defined.labels, registry=self.registry)
        for value in defined.values:
            counter.labels(value)
        return counter

    def _histogram(self, defined: definitions.Histogram) -> Histogram:
        return Histogram(
            defined.name,
            defined.meaning,
            defined.labels,
            buckets=defined.buckets,
            registry=self.registry,
        )


@cache
def metrics() -> Metrics:
    """This process's counters, made when they are first asked for, as the transport's are."""
    return Metrics()


def step_ended(step: str, *, seconds: float) -> None:
    """A task of the chain has run once."""
    metrics().step_seconds.labels(step.rpartition(".")[2]).observe(seconds)


def delivery_ended(batch: Sequence[BatchItem]) -> None:
    """A delivery has come to its end: those without an outcome took effect."""
    ends = Tally((event_type_of(item), _outcome_of(item)) for item in batch)
    for (event_type, outcome), number in ends.items():
        if outcome != Result.WAITING:
            metrics().ended.labels(event_type, outcome).inc(number)
    now = time.time()
    latency = metrics().latency
    for item in batch:
        if item.outcome is None:
            latency.observe(max(0.0, now - item.event.sent_at / 1000))


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


def lake_answered(counts: DeliveryCounts) -> None:
    """The data lake has answered."""
    metrics().lake.labels("delivered").inc(counts.delivered)
    metrics().lake.labels("refused").inc(counts.refused)


def event_type_of(item: BatchItem) -> str:
    """The type of an event that could be read, as a label."""
    return str(item.state.event_type) if item.state else UNREAD


def _outcome_of(item: BatchItem) -> str:
    return str(item.outcome.result) if item.outcome else DONE
