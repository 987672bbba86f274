"""How much is on the events' queue and its dead-letter queue, for Flower's pages and metrics."""

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from apps.common.aws import queue_name
from observability.metrics.definitions import FLOWER_QUEUE_MESSAGES, FLOWER_QUEUE_UP, Gauge
from observability.queue_depths import Depth, read_depth

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

# A page that refreshes itself, or several viewers, cost no more SQS calls than that.
CACHE_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A queue and its depth, or why SQS did not say it."""

    queue: str
    depth: Depth | None
    problem: str = ""


class QueueDepths:
    """The depths of some queues, read together and kept for CACHE_SECONDS, failures too.

    For use by several threads. Nothing is read before it is asked for.
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
        self._shown: list[Shown] = []

    def read(self) -> list[Shown]:
        """The depth of each queue, in the order of their URLs. Raises nothing of SQS's."""
        with self._lock:
            now = self._clock()
            if self._read_at is None or now - self._read_at >= CACHE_SECONDS:
                self._shown = [self._read(url) for url in self._urls]
                self._read_at = now
            return self._shown

    def _read(self, url: str) -> Shown:
        queue = queue_name(url)
        try:
            return Shown(queue=queue, depth=read_depth(self._sqs(), url))
        except ClientError as error:
            return Shown(queue=queue, depth=None, problem=error.response["Error"]["Code"])
        except BotoCoreError as error:
            return Shown(queue=queue, depth=None, problem=type(error).__name__)


class QueuesPage:
    """What Flower's broker page asks for. It knows no other method than `queues`."""

    def __init__(self, depths: QueueDepths) -> None:
        self._depths = depths

    async def queues(self, _names: Iterable[str]) -> list[dict[str, Any]]:
        """A row for each queue, with why it has no numbers where it has none."""
        return [_row(shown) for shown in await asyncio.to_thread(self._depths.read)]


class QueueMetrics(Collector):
    """The depths as metrics. A queue that could not be read has no series but "up", which is 0."""

    def __init__(self, depths: QueueDepths) -> None:
        self._depths = depths

    def describe(self) -> Iterable[Metric]:
        """No call to SQS when it is registered."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Reads the depths, unless they are known."""
        messages, up = _family(FLOWER_QUEUE_MESSAGES), _family(FLOWER_QUEUE_UP)
        for shown in self._depths.read():
            up.add_metric([shown.queue], 1 if shown.depth else 0)
            if shown.depth:
                messages.add_metric([shown.queue, "waiting"], shown.depth.waiting)
                messages.add_metric([shown.queue, "in_flight"], shown.depth.in_flight)
        yield messages
        yield up


def _family(gauge: Gauge) -> GaugeMetricFamily:
    return GaugeMetricFamily(gauge.name, gauge.meaning, labels=gauge.labels)


def _row(shown: Shown) -> dict[str, Any]:
    depth = shown.depth
    if depth is None:
        return {"name": f"{shown.queue} (SQS did not tell: {shown.problem})"}
    return {
        "name": shown.queue,
        "messages": depth.waiting + depth.in_flight,
        "messages_ready": depth.waiting,
        "messages_unacknowledged": depth.in_flight,
    }
