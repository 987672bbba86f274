"""The depths of the queues: calls are cached, and an error is shown instead of raised."""

import asyncio
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError
from prometheus_client import CollectorRegistry, generate_latest

from observability.flower.queues import CACHE_SECONDS, QueueBroker, QueueDepths, QueueMetrics

EVENTS = "https://sqs.example/123/conversations.fifo"
DEAD = "https://sqs.example/123/conversations-dlq.fifo"
REFUSED = ClientError({"Error": {"Code": "AccessDenied"}}, "GetQueueAttributes")
DOWN = EndpointConnectionError(endpoint_url="https://sqs.example")


@dataclass
class Sqs:
    """A stand-in for SQS. It returns the two numbers of a queue, or raises its error."""

    queues: dict[str, tuple[int, int] | Exception]
    calls: int = 0

    def get_queue_attributes(self, *, QueueUrl: str, AttributeNames: list[str]) -> Any:
        self.calls += 1
        depth = self.queues[QueueUrl]
        if isinstance(depth, Exception):
            raise depth
        numbers = dict(
            zip(
                ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
                map(str, depth),
                strict=True,
            )
        )
        return {"Attributes": {name: numbers[name] for name in AttributeNames}}


@dataclass
class Bench:
    """The depths of two queues, with a clock that only the test moves."""

    sqs: Sqs
    now: float = 1000.0
    depths: QueueDepths = field(init=False)

    def __post_init__(self) -> None:
        self.depths = QueueDepths(
            urls=[EVENTS, DEAD], sqs=lambda: cast(Any, self.sqs), clock=lambda: self.now
        )

    def rows(self) -> list[dict[str, Any]]:
        return asyncio.run(QueueBroker(self.depths).queues(["any"]))

    def metrics(self) -> str:
        registry = CollectorRegistry()
        registry.register(QueueMetrics(self.depths))
        return generate_latest(registry).decode()


@pytest.fixture
def bench() -> Bench:
    return Bench(Sqs({EVENTS: (7, 2), DEAD: (1, 0)}))


def test_the_page_shows_the_waiting_and_in_flight_messages_of_both_queues(bench: Bench) -> None:
    assert bench.rows() == [
        {
            "name": "conversations.fifo",
            "messages": 9,
            "messages_ready": 7,
            "messages_unacknowledged": 2,
        },
        {
            "name": "conversations-dlq.fifo",
            "messages": 1,
            "messages_ready": 1,
            "messages_unacknowledged": 0,
        },
    ]


def test_the_metrics_have_the_same_numbers(bench: Bench) -> None:
    metrics = bench.metrics()

    assert 'sqs_queue_messages{queue="conversations.fifo",state="waiting"} 7.0' in metrics
    assert 'sqs_queue_messages{queue="conversations.fifo",state="in_flight"} 2.0' in metrics
    assert 'sqs_queue_messages{queue="conversations-dlq.fifo",state="waiting"} 1.0' in metrics
    assert 'sqs_queue_up{queue="conversations-dlq.fifo"} 1.0' in metrics


def test_refreshed_pages_and_scrapes_within_ten_seconds_cost_one_reading(bench: Bench) -> None:
    for _ in range(3):
        bench.rows()
        bench.metrics()
    assert bench.sqs.calls == 2

    bench.now += CACHE_SECONDS
    bench.sqs.queues[EVENTS] = (0, 0)
    assert bench.rows()[0]["messages"] == 0
    assert bench.sqs.calls == 4


def test_nothing_is_read_before_the_first_request(bench: Bench) -> None:
    CollectorRegistry().register(QueueMetrics(bench.depths))

    assert bench.sqs.calls == 0


@pytest.mark.parametrize(
    ("error", "code"), [(REFUSED, "AccessDenied"), (DOWN, "EndpointConnectionError")]
)
def test_a_queue_that_cannot_be_read_is_shown_with_the_error_code(
    bench: Bench, error: ClientError | BotoCoreError, code: str
) -> None:
    bench.sqs.queues[DEAD] = error

    events, dead = bench.rows()

    assert events["messages"] == 9
    assert dead == {"name": f"conversations-dlq.fifo (not available: {code})"}
    metrics = bench.metrics()
    assert 'sqs_queue_up{queue="conversations-dlq.fifo"} 0.0' in metrics
    assert 'sqs_queue_messages{queue="conversations-dlq.fifo"' not in metrics


def test_a_failure_is_cached(bench: Bench) -> None:
    bench.sqs.queues = {EVENTS: DOWN, DEAD: DOWN}

    bench.rows()
    bench.rows()

    assert bench.sqs.calls == 2
