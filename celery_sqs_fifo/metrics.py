"""What the transport counts, as Prometheus metrics.

Everything here is counted in the worker's main process. The names are listed in docs/metrics.md.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from time import time

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

# Reasons are the program's own words, not its users'; should they be made of anything else one
# day, there are no more series than this.
MAX_REASONS = 40
OTHER = "other"
BATCH_SIZES = tuple(range(1, 11))
# How often a consumer's state is noted, in seconds.
OBSERVE_EVERY = 5.0


class Metrics:
    """The counters of one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.received = self._counter(
            "received", "Messages that were received, each receipt of the same one counted."
        )
        self.redelivered = self._counter(
            "redelivered", "Messages that were received and had been received before."
        )
        self.deleted = self._counter("deleted", "Messages that SQS has confirmed as deleted.")
        self.deleted_too_late = self._counter(
            "deleted_too_late",
            "Messages whose delete came after their lease had ended: SQS delivers them again.",
        )
        self.quarantined = self._counter(
            "quarantined", "Messages that were copied to the dead-letter queue.", "reason"
        )
        self.held_for_rerun = self._counter(
            "held_for_rerun",
            "Runs of a message that failed and are repeated: a dependency was unavailable, a bug,"
            " or the process was lost.",
            "result",
        )
        # A series that is there from the beginning is one whose first increase is seen.
        for result in ("unavailable", "bug", "lost"):
            self.held_for_rerun.labels(result)
        self.calls = self._counter("calls", "Calls to SQS that have ended.", "action", "result")
        self.batch_size = Histogram(
            "sqs_fifo_batch_size",
            "How many messages were handed to a pool process at once.",
            buckets=BATCH_SIZES,
            registry=self.registry,
        )
        self._reasons: set[str] = set()

    def quarantined_for(self, reason: str) -> None:
        """Count a quarantined message; reasons beyond a bound count as "other"."""
        if reason in self._reasons or len(self._reasons) < MAX_REASONS:
            self._reasons.add(reason)
        else:
            reason = OTHER
        self.quarantined.labels(reason).inc()

    def _counter(self, name: str, meaning: str, *labels: str) -> Counter:
        return Counter(f"sqs_fifo_{name}", meaning, labels, registry=self.registry)


@cache
def metrics() -> Metrics:
    """This process's counters.

    They are made when they are first asked for, and not with this module: prometheus-client decides
    then where they are kept, and a worker whose pool has processes has to tell it first.
    """
    return Metrics()


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsumerState:
    """What a consumer was doing at a moment; all times are Unix times in seconds."""

    held: int
    running_tasks: int
    running_groups: int
    ready_groups: int
    circuit_is_open: bool
    last_received_at: float
    receive_lag: float
    oldest_held_at: float | None


GAUGES: Mapping[str, str] = {
    "held_messages": "Messages that wait, run, or are held after a failure.",
    "running_tasks": "Tasks that the pool has: batches, pointers, a probe.",
    "running_groups": "Groups of which something runs.",
    "ready_groups": "Groups of which something could run, had the pool room.",
    "circuit_open": "1 while dependencies are down for all and nothing is received; else 0.",
    "receive_lag_seconds": "How long the oldest message of the newest receive had been queued;"
    " 0 if it was empty.",
    "oldest_held_age_seconds": "How long ago the oldest message that is held was queued; 0 if none"
    " is.",
    "last_receive_timestamp_seconds": "When a receive last succeeded, as Unix time.",
}


class ConsumerGauges(Collector):
    """What the consumers of this process were last seen doing, a series for each queue.

    They note it on the event loop; a scrape, in another thread, only reads what was noted.
    """

    def __init__(self) -> None:
        self._observed: dict[str, ConsumerState] = {}

    def note(self, queue: str, observed: ConsumerState) -> None:
        """A consumer's state now."""
        self._observed[queue] = observed

    def forget(self, queue: str) -> None:
        """It consumes no more."""
        self._observed.pop(queue, None)

    def describe(self) -> Iterable[Metric]:
        """All gauges, without series."""
        return self._families().values()

    def collect(self) -> Iterator[Metric]:
        """All gauges, with what was noted last."""
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
    """How many events for the control broker this process has dropped, as `dropped` tells."""

    def __init__(self, dropped: Callable[[], int]) -> None:
        self._dropped = dropped

    def describe(self) -> Iterable[Metric]:
        """The counter, without asking."""
        return [self._counter(None)]

    def collect(self) -> Iterator[Metric]:
        """The counter."""
        yield self._counter(self._dropped())

    def _counter(self, value: int | None) -> Metric:
        return CounterMetricFamily(
            "sqs_fifo_control_events_dropped",
            "Worker events that the worker's main process could not send to the control broker.",
            value=value,
        )


def _values(observed: ConsumerState, *, now: float) -> dict[str, float]:
    oldest = observed.oldest_held_at
    return {
        "held_messages": observed.held,
        "running_tasks": observed.running_tasks,
        "running_groups": observed.running_groups,
        "ready_groups": observed.ready_groups,
        "circuit_open": float(observed.circuit_is_open),
        "receive_lag_seconds": observed.receive_lag,
        "oldest_held_age_seconds": 0.0 if oldest is None else max(0.0, now - oldest),
        "last_receive_timestamp_seconds": observed.last_received_at,
    }
