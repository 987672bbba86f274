"""How much is on the events' queue and its dead-letter queue, for Flower's pages and metrics."""

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

# A page that refreshes itself, or several viewers, cost no more SQS calls than that.
CACHE_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Depth:
    """A queue's approximate numbers of messages by state; where SQS refused, none and why."""

    queue: str
    messages: dict[str, int]
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
        self._client: SQSClient | None = None
        self._read_at: float | None = None
        self._depths: list[Depth] = []

    def read(self) -> list[Depth]:
        """The depth of each queue, in the order of their URLs. Raises nothing of SQS's."""
        with self._lock:
            now = self._clock()
            if self._read_at is None or now - self._read_at >= CACHE_SECONDS:
                self._depths = [self._depth(url) for url in self._urls]
                self._read_at = now
            return self._depths

    def _depth(self, url: str) -> Depth:
        queue = url.rpartition("/")[2]
        try:
            self._client = self._client or self._sqs()
            attributes = self._client.get_queue_attributes(
                QueueUrl=url,
                AttributeNames=[
                    "ApproximateNumberOfMessages",
                    "ApproximateNumberOfMessagesNotVisible",
                ],
            )["Attributes"]
        except ClientError as error:
            return Depth(queue=queue, messages={}, problem=error.response["Error"]["Code"])
        except BotoCoreError as error:
            return Depth(queue=queue, messages={}, problem=type(error).__name__)
        return Depth(
            queue=queue,
            messages={
                "waiting": int(attributes["ApproximateNumberOfMessages"]),
                "in_flight": int(attributes["ApproximateNumberOfMessagesNotVisible"]),
            },
        )


class QueuesPage:
    """What Flower's broker page asks for. It knows no other method than `queues`."""

    def __init__(self, depths: QueueDepths) -> None:
        self._depths = depths

    async def queues(self, _names: Iterable[str]) -> list[dict[str, Any]]:
        """A row for each queue, with why it has no numbers where it has none."""
        return [_row(depth) for depth in await asyncio.to_thread(self._depths.read)]


class QueueMetrics(Collector):
    """The depths as metrics. A queue that could not be read has no series but "up", which is 0."""

    def __init__(self, depths: QueueDepths) -> None:
        self._depths = depths

    def describe(self) -> Iterable[Metric]:
        """No call to SQS when it is registered."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Reads the depths, unless they are known."""
        messages = GaugeMetricFamily(
            "sqs_queue_messages",
            "Messages on the queue, approximately, by state: waiting, in_flight.",
            labels=["queue", "state"],
        )
        up = GaugeMetricFamily(
            "sqs_queue_up", "1 if SQS told the number of messages, else 0.", labels=["queue"]
        )
        for depth in self._depths.read():
            for state, number in depth.messages.items():
                messages.add_metric([depth.queue, state], number)
            up.add_metric([depth.queue], 0 if depth.problem else 1)
        yield messages
        yield up


def client(*, region: str) -> "SQSClient":
    """A client that gives up soon: a page waits for it."""
    return boto3.client(
        "sqs",
        region_name=region,
        config=Config(connect_timeout=1, read_timeout=2, retries={"total_max_attempts": 1}),
    )


def _row(depth: Depth) -> dict[str, Any]:
    if depth.problem:
        return {"name": f"{depth.queue} (SQS did not tell: {depth.problem})"}
    waiting, in_flight = depth.messages["waiting"], depth.messages["in_flight"]
    return {
        "name": depth.queue,
        "messages": waiting + in_flight,
        "messages_ready": waiting,
        "messages_unacknowledged": in_flight,
    }
