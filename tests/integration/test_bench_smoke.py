"""The bare loops of the benchmark do the storage work of every event with the expected calls."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import boto3
import pytest
from botocore.config import Config

from apps.analytics.models import SurveyAnswer
from apps.conversations.models import Conversation
from bench.common.chat import Load, event_of, inversions
from bench.common.queue import LightQueue
from bench.event_cost.bare_work import Process, one_by_one, take, together
from embedded.stack import Stack
from operations.provisioning import ensure_table
from testbed.dynamodb import DynamoDbServer, running_dynamodb_server
from testbed.sqs import SqsServer, running_sqs_server
from tests.support.endpoints import endpoint

pytestmark = pytest.mark.django_db

LOAD = Load(contacts=10, numbers=range(20), answers_every=10)


@pytest.fixture(scope="module")
def dynamodb_server() -> Iterator[DynamoDbServer]:
    with running_dynamodb_server() as server:
        yield server


@pytest.fixture(scope="module")
def sqs_server() -> Iterator[SqsServer]:
    with running_sqs_server(greedy=True) as server:
        yield server


@pytest.fixture
def dynamodb(
    dynamodb_server: DynamoDbServer, stack: Stack, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[DynamoDbServer]:
    """The model of DynamoDB instead of moto, with a new table."""
    settings.DYNAMODB_MESSAGE_TABLE = uuid4().hex
    with endpoint("dynamodb", dynamodb_server.url, monkeypatch=monkeypatch):
        ensure_table()
        yield dynamodb_server


@pytest.fixture
def client(sqs_server: SqsServer, stack: Stack) -> Iterator[Any]:
    """A client of the model of SQS, whose log is empty."""
    sqs_server.reset_calls()
    client = boto3.client(
        "sqs", region_name="us-east-1", endpoint_url=sqs_server.url, config=Config(proxies={})
    )
    yield client
    client.close()


@pytest.fixture
def queue_url(client: Any) -> Iterator[str]:
    """A queue filled with the load. It must be empty at the end of the test."""
    attributes = {"FifoQueue": "true"}
    url = client.create_queue(QueueName=f"{uuid4().hex}.fifo", Attributes=attributes)["QueueUrl"]
    queue = LightQueue(queue_url=url)
    queue.fill(LOAD)
    assert queue.size() == len(LOAD)
    yield url
    assert queue.size() == 0
    queue.close()


@pytest.mark.parametrize(
    ("process_all", "call", "calls"),
    [
        (one_by_one, "PutItem", LOAD.messages),
        (together, "BatchWriteItem", len(LOAD) // 10),
    ],
    ids=["event by event", "in tens"],
)
def test_a_bare_loop_does_the_storage_work_of_every_event(
    sqs_server: SqsServer,
    client: Any,
    queue_url: str,
    dynamodb: DynamoDbServer,
    settings: Any,
    process_all: Process,
    call: str,
    calls: int,
) -> None:
    settings.SQS_CONVERSATION_QUEUE_URL = queue_url
    for _ in range(len(LOAD) // 10):
        take(sqs=client, process_all=process_all)

    writes = dynamodb.writes(table=settings.DYNAMODB_MESSAGE_TABLE)
    sent = {(event.contact, event.number) for event in LOAD if '"weni_csat"' not in event.body}
    assert set(map(event_of, writes)) == sent
    assert inversions(writes) == 0
    assert Conversation.objects.count() == LOAD.contacts
    assert SurveyAnswer.objects.filter(conversation__isnull=False).count() == LOAD.answers

    usage = dynamodb.usage(table=settings.DYNAMODB_MESSAGE_TABLE)[call]
    assert usage.calls == calls
    assert usage.write_units == LOAD.messages
    assert sqs_server.call_counts()["ReceiveMessage"] == len(LOAD) // 10
