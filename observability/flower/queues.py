"""The depths of the events' queue and the dead-letter queue, for Flower's pages and metrics."""

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from threading import Lock
from typing import TYPE_CHECKING, Any

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from observability.metrics.definitions import FLOWER_QUEUE_MESSAGES, FLOWER_QUEUE_UP, Gauge
from observability.queue_depths import QueueStatus, read_status

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

# Pages that refresh themselves and several viewers share one reading for this long.
CACHE_SECONDS = 10.0


class QueueDepths:
    """The depths of several queues. They are read on demand and cached for CACHE_SECONDS.

    Failures are cached, too. Several threads can use one instance.
    """

    def __init__(
        self,
        *,
        urls: Sequence[str],
        sqs: Callable[[], "SQSClient"],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._urls = urls
        self._sqs = sqs
        self._clock = clock
        self._lock = Lock()
        self._read_at: float | None = None
        self._statuses: list[QueueStatus] = []

    def read(self) -> list[QueueStatus]:
        """Return the depth of each queue, in the order of the URLs. Do not raise errors of SQS."""
        with self._lock:
            now = self._clock()
            if self._read_at is None or now - self._read_at >= CACHE_SECONDS:
                self._statuses = [read_status(self._sqs, url) for url in self._urls]
                self._read_at = now
            return self._statuses


class QueueBroker:
    """Replaces the broker of Flower's broker page, which calls only `queues`."""

    def __init__(self, depths: QueueDepths) -> None:
        self._depths = depths

    async def queues(self, _names: Iterable[str]) -> list[dict[str, Any]]:
        """Return a row for each queue, with its numbers or the error."""
        return [_row(status) for status in await asyncio.to_thread(self._depths.read)]


class QueueMetrics(Collector):
    """Exports the depths as metrics. A queue that cannot be read has only the series "up", at 0."""

    def __init__(self, depths: QueueDepths) -> None:
        self._depths = depths

    def describe(self) -> Iterable[Metric]:
        """Return nothing, so that registering the collector does not call SQS."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics of all queues."""
        messages, up = _family(FLOWER_QUEUE_MESSAGES), _family(FLOWER_QUEUE_UP)
        for status in self._depths.read():
            up.add_metric([status.queue], 1 if status.depth else 0)
            if status.depth:
                messages.add_metric([status.queue, "waiting"], status.depth.waiting)
                messages.add_metric([status.queue, "in_flight"], status.depth.in_flight)
        yield messages
        yield up


def _family(gauge: Gauge) -> GaugeMetricFamily:
    return GaugeMetricFamily(gauge.name, gauge.meaning, labels=gauge.labels)


def _row(status: QueueStatus) -> dict[str, Any]:
    depth = status.depth
    if depth is None:
        return {"name": f"{status.queue} (not available: {status.error})"}
    return {
        "name": status.queue,
        "messages": depth.waiting + depth.in_flight,
        "messages_ready": depth.waiting,
        "messages_unacknowledged": depth.in_flight,
    }
