"""The transport's Prometheus metrics, which the worker's main process counts.

docs/metrics.md lists them.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from time import time
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from celery_sqs_fifo.observing import ObservingMetric, failures

# The maximum number of reasons with their own series. Applications define the reasons, and a faulty
# application could create a reason for each event.
MAX_REASONS = 40
# The reasons of dead letters that do not come from the application.
OWN_REASONS = ("bug", "lost", "not_allowed", "revoked", "unavailable")
OTHER = "other"
BATCH_SIZES = (*range(1, 11), 15, 20, 25)
# The maximum number of causes in a report, which is stored in a row and sent by remote control.
MAX_REPORTED_CAUSES = 10
# The seconds between two observations of a consumer's state.
OBSERVE_EVERY = 5.0


class Metrics:
    """The counters and histograms of one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.received = self._counter(
            "received", "Messages that were received; each receipt of a message counts."
        )
        self.redelivered = self._counter("redelivered", "Messages that were received again.")
        self.deleted = self._counter("deleted", "Messages that SQS has confirmed as deleted.")
        self.deleted_too_late = self._counter(
            "deleted_too_late",
            "Messages whose delete arrived after the end of their lease; SQS delivers them again.",
        )
        self.quarantined = self._counter(
            "quarantined", "Messages that were copied to the dead-letter queue.", "reason"
        )
        self.parked = self._counter(
            "parked",
            "Messages that were parked on SQS because their cause had reached its quota of dead"
            " letters for the hour, or because too many messages were set aside. A message counts"
            " each time.",
            "reason",
        )
        self.ticks_dropped = self._counter(
            "ticks_dropped",
            "Ticks over five minutes old that were not run because a newer tick of the task waited"
            " behind them.",
            "task",
        )
        self.held_for_rerun = self._counter(
            "held_for_rerun",
            "Failed runs of a message that are repeated: a dependency was unavailable, a bug"
            " occurred, or the process was lost.",
            "result",
        )
        # Prometheus sees the first increase of a series only if the series existed before it.
        for result in ("unavailable", "bug", "lost"):
            self.held_for_rerun.labels(result)
        for reason in ("bug", "lost", "unavailable"):
            self.parked.labels(reason)
        self.calls = self._counter("calls", "Calls to SQS that have ended.", "action", "result")
        self.batch_size = ObservingMetric(
            partial(
                Histogram,
                "sqs_fifo_batch_size",
                "The number of messages in a batch.",
                buckets=BATCH_SIZES,
                registry=self.registry,
            )
        )
        self._reasons: set[str] = set()
        self.begin_reasons(OWN_REASONS)

    def begin_reasons(self, reasons: Iterable[str]) -> None:
        """Begin the counts of quarantined messages for these reasons, which the worker may need.

        See `held_for_rerun`: otherwise Prometheus would miss the first message of each reason.
        """
        for reason in reasons:
            self.quarantined.labels(self._bounded(reason))

    def quarantined_for(self, reason: str) -> None:
        """Count a quarantined message; after MAX_REASONS reasons, new ones count as "other"."""
        self.quarantined.labels(self._bounded(reason)).inc()

    def parked_for(self, reason: str) -> None:
        """Count a parked message; after MAX_REASONS reasons, new ones count as "other"."""
        self.parked.labels(self._bounded(reason)).inc()

    def _bounded(self, reason: str) -> str:
        if reason in self._reasons or len(self._reasons) < MAX_REASONS:
            self._reasons.add(reason)
            return reason
        return OTHER

    def _counter(self, name: str, meaning: str, *labels: str) -> ObservingMetric:
        return ObservingMetric(
            partial(Counter, f"sqs_fifo_{name}", meaning, labels, registry=self.registry)
        )


@cache
def metrics() -> Metrics:
    """Return the metrics of this process, and create them at the first call.

    They are not created when the module is imported, because prometheus-client decides at their
    creation where values are stored. A worker with pool processes must configure that first.
    """
    return Metrics()


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsumerState:
    """The state of a consumer at one moment.

    All times are in seconds since 1970, and `receive_lag` is in seconds. `wants_more` is False
    while the consumer has a reason not to receive. `failing_calls` has the error of each action
    whose latest call failed. `credentials_expire_at` is None if they do not expire. `causes` has
    the CauseNumbers of each cause, the cause with the most parked events first.
    """

    observed_at: float
    held: int
    set_aside: int
    undeleted: int
    running_tasks: int
    running_groups: int
    ready_groups: int
    circuit_is_open: bool
    last_received_at: float
    receive_lag: float
    oldest_held_at: float | None
    wants_more: bool
    failing_calls: Mapping[str, str]
    credentials_expire_at: float | None
    causes: Sequence[Mapping[str, Any]]

    def report(self, *, now: float) -> dict[str, Any]:
        """Return the state for JSON, with ages in seconds instead of times."""
        return {
            "observed_age": round(now - self.observed_at, 1),
            "received_age": round(now - self.last_received_at, 1),
            "receive_lag": round(self.receive_lag, 1),
            "oldest_held_age": round(max(0.0, now - self.oldest_held_at), 1)
            if self.oldest_held_at is not None
            else 0.0,
            "held": self.held,
            "set_aside": self.set_aside,
            "running_tasks": self.running_tasks,
            "wants_more": self.wants_more,
            "circuit_is_open": self.circuit_is_open,
            "failing_calls": dict(self.failing_calls),
            "credentials_expire_in": round(self.credentials_expire_at - now)
            if self.credentials_expire_at is not None
            else None,
            "causes": list(self.causes[:MAX_REPORTED_CAUSES]),
        }


GAUGES: Mapping[str, str] = {
    "held_messages": "Messages that are waiting, running, or held after a failure.",
    "set_aside_messages": "Held messages that failed, or whose next run may fail or take long."
    " They do not pause receiving.",
    "undeleted_messages": "Messages that took effect and whose delete SQS has not confirmed.",
    "running_tasks": "Tasks that the pool is running: batches, pointers, a probe.",
    "running_groups": "Groups with a running task.",
    "ready_groups": "Groups with a message that could run if the pool had room, except groups whose"
    " messages are set aside.",
    "circuit_open": "1 while the circuit is open and nothing is received; otherwise 0.",
    "receive_lag_seconds": "How long the oldest message of the latest receive had been queued;"
    " 0 if the receive was empty.",
    "oldest_held_age_seconds": "How long ago the oldest held message was queued; 0 if no message is"
    " held.",
    "last_receive_timestamp_seconds": "When a receive last succeeded, as Unix time.",
}


class ConsumerGauges(Collector):
    """The latest observed states of this process's consumers, with one series for each queue.

    Consumers note their state on the event loop. A scrape runs in another thread and reads only
    the noted states.
    """

    def __init__(self) -> None:
        self._observed: dict[str, ConsumerState] = {}

    def note(self, queue: str, observed: ConsumerState) -> None:
        """Store the current state of a queue's consumer."""
        self._observed[queue] = observed

    def forget(self, queue: str) -> None:
        """Remove the state of a queue that is no longer consumed."""
        self._observed.pop(queue, None)

    def reports(self) -> dict[str, dict[str, Any]]:
        """Return the report of each queue's latest state (`ConsumerState.report`)."""
        now = time()
        return {queue: state.report(now=now) for queue, state in self._observed.copy().items()}

    def describe(self) -> Iterable[Metric]:
        """Return all gauges without series."""
        return self._families().values()

    def collect(self) -> Iterator[Metric]:
        """Return all gauges with the latest states."""
        families = self._families()
        now = time()
        for queue, observed in self._observed.copy().items():
            for name, value in _values(observed, now=now).items():
                families[name].add_metric([queue], value)
        yield from families.values()

    def _families(self) -> dict[str, GaugeMetricFamily]:
        return {
            name: GaugeMetricFamily(f"sqs_fifo_{name}", meaning, labels=["queue"])
            for name, meaning in GAUGES.items()
        }


consumer_gauges = ConsumerGauges()


class DroppedEvents(Collector):
    """The number of events for the control broker that this process has dropped.

    `dropped` returns that number; it is called at each scrape.
    """

    def __init__(self, dropped: Callable[[], int]) -> None:
        self._dropped = dropped

    def describe(self) -> Iterable[Metric]:
        """Return the counter without a value."""
        return [self._counter(None)]

    def collect(self) -> Iterator[Metric]:
        """Return the counter with the current value."""
        yield self._counter(self._dropped())

    def _counter(self, value: int | None) -> Metric:
        return CounterMetricFamily(
            "sqs_fifo_control_events_dropped",
            "Worker events that the worker's main process could not send to the control broker.",
            value=value,
        )


class MainProcessErrors(Collector):
    """The number of errors that this process has logged and survived, by their source."""

    def describe(self) -> Iterable[Metric]:
        """Return the counter without a series."""
        return [self._counter()]

    def collect(self) -> Iterator[Metric]:
        """Return the counter with a series for each source."""
        counter = self._counter()
        for source, number in failures.copy().items():
            counter.add_metric([source], number)
        yield counter

    def _counter(self) -> CounterMetricFamily:
        return CounterMetricFamily(
            "sqs_fifo_survived_errors",
            "Errors in the worker's main process that had no effect on events: in metrics,"
            " in the liveness file, or in the event loop's descriptors.",
            labels=["source"],
        )


def _values(observed: ConsumerState, *, now: float) -> dict[str, float]:
    oldest = observed.oldest_held_at
    return {
        "held_messages": observed.held,
        "set_aside_messages": observed.set_aside,
        "undeleted_messages": observed.undeleted,
        "running_tasks": observed.running_tasks,
        "running_groups": observed.running_groups,
        "ready_groups": observed.ready_groups,
        "circuit_open": float(observed.circuit_is_open),
        "receive_lag_seconds": observed.receive_lag,
        "oldest_held_age_seconds": 0.0 if oldest is None else max(0.0, now - oldest),
        "last_receive_timestamp_seconds": observed.last_received_at,
    }
