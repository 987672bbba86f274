"""Fixtures with real workers, a strict SQS server, moto's DynamoDB and a real PostgreSQL."""

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import boto3
import pytest
from django.conf import settings as django_settings
from django.db import connection

from embedded.processes import supervisor
from embedded.stack import Stack
from operations.provisioning import ensure_queues, ensure_table
from testbed.sqs import SqsServer, running_sqs_server
from testbed.sqs.fifo import client_of
from tests.support.endpoints import endpoint
from tests.support.running_fifo_app import FifoApp
from tests.support.running_service import Service

VISIBILITY_TIMEOUT = 20


# An event takes the same way in a batch of one. `make test-long` repeats tests with such batches.
SIZES = {"batches": 25} | ({"single events": 1} if os.environ.get("BATCHES_OF_ONE") else {})


@pytest.fixture(params=list(SIZES.values()), ids=list(SIZES))
def batch_size(request: pytest.FixtureRequest) -> int:
    """The largest batch of a pool process. A test that uses this fixture runs with each size."""
    return int(request.param)


# For tests in which a pool process runs at most one event, so that the batch size does not matter.
any_batch_size = pytest.mark.parametrize("batch_size", [25], ids=["any"])


@pytest.fixture(scope="session")
def sqs_server() -> Iterator[SqsServer]:
    """A strict SQS server. It fills receives from one group first: the hardest case for order."""
    with running_sqs_server(greedy=True) as server:
        yield server


@pytest.fixture
def consumer_options(batch_size: int) -> dict[str, Any]:
    """Options of the consumer. They override those of the app."""
    return {"batch_size": batch_size, "visibility_timeout": VISIBILITY_TIMEOUT}


@pytest.fixture
def fifo_app(
    sqs_server: SqsServer, tmp_path: Path, consumer_options: dict[str, Any]
) -> Iterator[FifoApp]:
    """New queues, without a worker."""
    name = uuid4().hex[:8]
    environment = {
        "QUEUE_URL": sqs_server.queue_url(f"events-{name}.fifo"),
        "DLQ_URL": sqs_server.queue_url(f"events-{name}-dlq.fifo"),
        "JOURNAL": str(tmp_path / "journal"),
        "CONSUMER_OPTIONS": json.dumps(consumer_options),
        "AWS_ENDPOINT_URL_SQS": sqs_server.url,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "no_proxy": "127.0.0.1,localhost",
    }
    sqs = client_of(sqs_server.url)
    for url in (environment["QUEUE_URL"], environment["DLQ_URL"]):
        sqs.create_queue(
            QueueName=url.rpartition("/")[2],
            Attributes={
                "FifoQueue": "true",
                "DeduplicationScope": "messageGroup",
                "FifoThroughputLimit": "perMessageGroupId",
                "VisibilityTimeout": str(VISIBILITY_TIMEOUT),
            },
        )
    with supervisor() as processes:
        fifo_app = FifoApp(
            environment=environment,
            logs=tmp_path,
            sqs_server=sqs_server,
            sqs=sqs,
            processes=processes,
        )
        yield fifo_app
        sqs_server.clear_faults()
        for worker in fifo_app.workers:
            worker.kill()


@pytest.fixture
def service(
    stack: Stack,
    sqs_server: SqsServer,
    transactional_db: None,
    batch_size: int,
    tmp_path: Path,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Service]:
    """New queues, an empty table and an empty database, without a worker."""
    name = f"conversations-{uuid4().hex[:8]}"
    environment = {
        **stack.environment,
        "DATABASE_URL": _database_url(stack),
        "AWS_ENDPOINT_URL_SQS": sqs_server.url,
        "SQS_CONVERSATION_QUEUE_URL": sqs_server.queue_url(f"{name}.fifo"),
        "SQS_CONVERSATION_DLQ_URL": sqs_server.queue_url(f"{name}-dlq.fifo"),
        "SQS_CONVERSATION_VISIBILITY_TIMEOUT": str(VISIBILITY_TIMEOUT),
        "DYNAMODB_MESSAGE_TABLE": name,
        "DATALAKE_URL": f"{tmp_path.as_uri()}?gather=0s",
        "WORKER_BATCH_SIZE": str(batch_size),
    }
    settings.SQS_CONVERSATION_QUEUE_URL = environment["SQS_CONVERSATION_QUEUE_URL"]
    settings.SQS_CONVERSATION_DLQ_URL = environment["SQS_CONVERSATION_DLQ_URL"]
    settings.DYNAMODB_MESSAGE_TABLE = name
    with endpoint("sqs", sqs_server.url, monkeypatch=monkeypatch), ExitStack() as exits:
        ensure_queues()
        ensure_table()
        service = Service(
            environment=environment,
            logs=tmp_path,
            sqs_server=sqs_server,
            sqs=boto3.client("sqs", region_name=django_settings.SQS_CONVERSATION_REGION),
            exits=exits,
        )
        yield service
        sqs_server.clear_faults()
        for worker in service.workers:
            worker.kill()
        service.check_logs()


def _database_url(stack: Stack) -> str:
    """Return the address of the database that pytest-django has created."""
    parts = urlsplit(stack.environment["DATABASE_URL"])
    return urlunsplit(parts._replace(path=f"/{connection.settings_dict['NAME']}"))
