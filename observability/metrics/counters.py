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
from apps.messages.archiving import Merged
from apps.messages.event_types import EVENT_TYPES
from apps.messages.events import Event, StatusEvent
from celery_sqs_fifo import BatchItem, Result
from celery_sqs_fifo.observing import ObservingMetric
from observability.log_fields import UNKNOWN_TYPE
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
        self.without_score = self._counter(definitions.ANSWERS_WITHOUT_SCORE)
        self.foreign_group = self._counter(definitions.FOREIGN_GROUP_EVENTS)
        self.type_mismatches = self._counter(definitions.TYPE_MISMATCHES)
        self.late = self._counter(definitions.LATE_MESSAGES)
        self.opened = self._counter(definitions.OPENED)
        self.closed = self._counter(definitions.CLOSED)
        self.archives = self._counter(definitions.ARCHIVES_WRITTEN)
        self.archived = self._counter(definitions.MESSAGES_ARCHIVED)
        self.retries = self._counter(definitions.POSSIBLE_RETRIES)
        self.statuses = self._counter(definitions.MESSAGE_STATUSES)
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
            latency.observe(max(0.0, now - item.event.place.queue_time / 1000))
            if isinstance(item.state.event, StatusEvent):
                metrics().statuses.labels(item.state.event.status).inc()


def count_type_mismatch(event: Event) -> None:
    """Count an event whose message attribute names another type."""
    named = event.attribute_type if event.attribute_type in EVENT_TYPES else UNKNOWN_TYPE
    metrics().type_mismatches.labels(event.event_type, named).inc()


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


def count_answer(*, is_new: bool, problem: str) -> None:
    """Count an answer without a score, or a duplicate if the answer was not new."""
    if not is_new:
        metrics().duplicates.labels("answer").inc()
    elif problem:
        metrics().without_score.labels(problem).inc()


def count_archived(merged: Merged) -> None:
    """Count the versions of messages that were merged into archives, and the retries in them."""
    for versions in (merged.own, merged.others):
        if versions:
            metrics().archives.inc()
            metrics().archived.inc(versions)
    metrics().retries.inc(merged.retries)


def count_lake_events(counts: DeliveryCounts) -> None:
    """Count the events of a call that the data lake accepted or refused."""
    metrics().lake.labels("delivered").inc(counts.delivered)
    metrics().lake.labels("refused").inc(counts.refused)


def event_type_of(item: BatchItem) -> str:
    """Return the type of an event as a label, or UNREAD."""
    return str(item.state.event_type) if item.state else UNREAD


def _outcome_of(item: BatchItem) -> str:
    return str(item.outcome.result) if item.outcome else DONE
