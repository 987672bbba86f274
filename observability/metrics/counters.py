"""The counters of the service.

Most of them count in pool processes, which share their values with the main process through files
(observability.metrics.exporter).
"""

import time
from collections import Counter as Tally
from collections.abc import Sequence
from functools import cache, partial

from prometheus_client import CollectorRegistry, Counter, Histogram

from apps.analytics.outbox import DeliveryCounts
from apps.conversations.attribution import Attribution
from celery_sqs_fifo import BatchItem, Result
from celery_sqs_fifo.observing import ObservingMetric
from observability.metrics import definitions

DONE = "done"
# The label for an event that could not be read: its type could be any text.
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

    def _counter(self, defined: definitions.Counter) -> ObservingMetric:
        counter = ObservingMetric(
            partial(Counter, defined.name, defined.meaning, defined.labels, registry=self.registry)
        )
        for value in defined.values:
            counter.labels(value)
        return counter

    def _histogram(self, defined: definitions.Histogram) -> ObservingMetric:
        return ObservingMetric(
            partial(
                Histogram,
                defined.name,
                defined.meaning,
                defined.labels,
                buckets=defined.buckets,
                registry=self.registry,
            )
        )


@cache
def metrics() -> Metrics:
    """Return the counters of this process, which the first call creates."""
    return Metrics()


def observe_step(step: str, *, seconds: float) -> None:
    """Record how long a step took."""
    metrics().step_seconds.labels(step.rpartition(".")[2]).observe(seconds)


def count_delivery(batch: Sequence[BatchItem]) -> None:
    """Count the outcomes of a delivery. An event without an outcome took effect."""
    ends = Tally((event_type_of(item), _outcome_of(item)) for item in batch)
    for (event_type, outcome), number in ends.items():
        if outcome != Result.WAITING:
            metrics().ended.labels(event_type, outcome).inc(number)
    now = time.time()
    latency = metrics().latency
    for item in batch:
        if item.outcome is None:
            latency.observe(max(0.0, now - item.event.sent_at / 1000))


def count_attribution(attribution: Attribution) -> None:
    """Count the attribution of a message or a window to its conversation."""
    if attribution.opened:
        metrics().opened.inc()
    if attribution.foreign_group:
        metrics().foreign_group.inc()
    if attribution.late:
        metrics().late.labels("by_time").inc()


def count_stored(*, is_new: bool) -> None:
    """Count a message that was stored, or a duplicate if it was not new."""
    if is_new:
        metrics().stored.inc()
    else:
        metrics().duplicates.labels("message").inc()


def count_archived(versions: int) -> None:
    """Count the versions of messages that were moved into the archive of a conversation."""
    if versions:
        metrics().archives.inc()
        metrics().archived.inc(versions)


def count_lake_events(counts: DeliveryCounts) -> None:
    """Count the events of a call that the data lake accepted or refused."""
    metrics().lake.labels("delivered").inc(counts.delivered)
    metrics().lake.labels("refused").inc(counts.refused)


def event_type_of(item: BatchItem) -> str:
    """Return the type of an event as a label, or UNREAD."""
    return str(item.state.event_type) if item.state else UNREAD


def _outcome_of(item: BatchItem) -> str:
    return str(item.outcome.result) if item.outcome else DONE
