"""Real workers with a strict SQS server, moto's DynamoDB and a real PostgreSQL."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import boto3
import pytest
from django.conf import settings as django_settings
from django.db import connection

from celery_sqs_fifo import Options
from embedded.processes import ManagedProcess, Supervisor, supervisor
from embedded.service import (
    celery_command,
    is_ready,
    project_command,
    running_beat,
    running_worker,
    worker_arguments,
)
from embedded.stack import Stack
from operations.provisioning import ensure_queues, ensure_table
from testbed.checker.logs import leaks, personal_data
from testbed.journal import Line, did, read_journal
from testbed.sqs import SqsServer, running_sqs_server
from testbed.traffic.sending import depth
from tests.support.endpoints import endpoint

VISIBILITY_TIMEOUT = 20
# The lengths of a long poll of tests.support.fifo_app, and of the service by default.
APP_WAIT_TIME = 1
SERVICE_WAIT_TIME = Options(dead_letter_queue_url="unused.fifo").wait_time


@dataclass
class Service:
    """The service as its users run it: a queue, and workers that read it."""

    environment: dict[str, str]
    logs: Path
    sqs_server: SqsServer
    sqs: Any
    exits: ExitStack
    workers: list[ManagedProcess] = field(default_factory=list)
    # The module that has the Celery app.
    app: str = "config"
    sent: list[tuple[str, str]] = field(default_factory=list)

    @property
    def queue_url(self) -> str:
        """The queue that events are sent to."""
        return self.environment["SQS_CONVERSATION_QUEUE_URL"]

    def kill(self, worker: ManagedProcess) -> None:
        """Kill a worker, and expire the leases of its messages and those of its open poll."""
        worker.kill()
        time.sleep(SERVICE_WAIT_TIME + 0.1)
        self.expire_leases()

    def expire_leases(self) -> None:
        """Expire the leases of all messages in flight."""
        self.sqs_server.expire_leases(queue=self.queue_url.rpartition("/")[2])

    def start_worker(self, *, concurrency: int = 2) -> ManagedProcess:
        """Start a worker, and return it when it is ready. It is stopped at the end of the test."""
        worker = self.exits.enter_context(
            running_worker(
                environment=self.environment,
                logs=self.logs,
                concurrency=concurrency,
                name=f"worker{len(self.workers)}",
                app=self.app,
            )
        )
        self.workers.append(worker)
        return worker

    def start_beat(self) -> ManagedProcess:
        """Start a beat with the database's schedules. It is stopped at the end of the test."""
        beat = self.exits.enter_context(
            running_beat(environment=self.environment, logs=self.logs, app=self.app)
        )
        self.workers.append(beat)
        return beat

    def send(self, *, body: str, group: str) -> str:
        """Send an event. Return its message id."""
        self.sent.append((group, body))
        answer = self.sqs.send_message(
            QueueUrl=self.queue_url,
            MessageBody=body,
            MessageGroupId=group,
            MessageDeduplicationId=str(uuid4()),
        )
        return str(answer["MessageId"])

    def check_logs(self) -> None:
        """Fail if a process has logged what contacts wrote, a name, an address or a group id."""
        # Only a contact's group is personal: ticks have groups with names like "closing".
        contacts = {group for group, body in self.sent if "event_type" in body}
        personal = personal_data(bodies=(body for _, body in self.sent), group_ids=contacts)
        for log in self.logs.glob("*.log"):
            assert leaks(log=log.read_text(errors="replace"), personal=personal) == [], log.name

    def left_on_queue(self) -> int:
        """Return how many messages are visible or in flight."""
        return depth(self.sqs, self.queue_url)

    def wait_until_empty(self, *, timeout: float = 30) -> None:
        """Wait until the queue is empty."""
        self.wait_until_left(0, timeout=timeout)

    def wait_until_left(self, count: float, *, timeout: float = 30) -> None:
        """Wait until at most `count` events are on the queue."""
        self.wait_until(lambda: self.left_on_queue() <= count, timeout=timeout)

    def wait_until(self, is_so: Callable[[], bool], *, timeout: float = 30) -> None:
        """Wait until `is_so()`. Fail with the end of the workers' logs if the time is up."""
        wait_until(is_so, timeout=timeout, workers=self.workers)


def kill_all(workers: Sequence[ManagedProcess]) -> None:
    """Kill the workers that a test has left running."""
    for worker in workers:
        worker.kill()


def wait_until(
    is_so: Callable[[], bool], *, timeout: float, workers: Sequence[ManagedProcess]
) -> None:
    """Wait until `is_so()`. Fail with the end of the workers' logs if the time is up."""
    deadline = time.monotonic() + timeout
    while not is_so():
        if time.monotonic() > deadline:
            logs = "\n".join(worker.log_text()[-3000:] for worker in workers)
            pytest.fail(f"not so after {timeout} seconds; the workers' logs:\n{logs}")
        time.sleep(0.05)


@pytest.fixture(params=[25, 1], ids=["batches", "single events"])
def batch_size(request: pytest.FixtureRequest) -> int:
    """The largest batch of a pool process. Every test runs with both values."""
    return int(request.param)


# For tests in which pool processes get no event or one event: the setting does not matter.
any_batch_size = pytest.mark.parametrize("batch_size", [25], ids=["any"])


@pytest.fixture(scope="session")
def sqs_server() -> Iterator[SqsServer]:
    """A strict SQS server that fills a batch from one group first, the hard case for order."""
    with running_sqs_server(greedy=True) as server:
        yield server


@dataclass
class FifoApp:
    """tests.support.fifo_app on new queues: the transport without the service."""

    environment: dict[str, str]
    directory: Path
    sqs_server: SqsServer
    sqs: Any
    processes: Supervisor
    workers: list[ManagedProcess] = field(default_factory=list)

    def start_worker(self, *, concurrency: int = 2, pool: str = "prefork") -> ManagedProcess:
        """Start a worker, and return it when it is ready."""
        name = f"fifo{len(self.workers)}"
        arguments = worker_arguments(queue="events.fifo", concurrency=concurrency, name=name)
        worker = self.processes.start(
            command=project_command(
                name,
                celery_command(*arguments, "--pool", pool, app="tests.support.fifo_app"),
                environment=self.environment,
            ),
            log=self.directory / f"{name}.log",
        )
        self.workers.append(worker)
        worker.wait_until_ready(is_ready=partial(is_ready, worker), timeout_seconds=30)
        return worker

    def send(
        self, *, group: str, number: int, event_type: str = "plain", trouble: Any = None
    ) -> None:
        """Send an event."""
        event = {"event_type": event_type, "group": group, "number": number}
        self.send_body(json.dumps(event | ({"trouble": trouble} if trouble else {})), group=group)

    def send_body(self, body: str, *, group: str) -> None:
        """Send any body."""
        self.sqs.send_message(
            QueueUrl=self.environment["QUEUE_URL"],
            MessageBody=body,
            MessageGroupId=group,
            MessageDeduplicationId=str(uuid4()),
        )

    def send_many(self, *, groups: int, events: int) -> None:
        """Send the events 0, 1, 2, … of each group, one group after the other."""
        entries = [
            {
                "Id": str(group),
                "MessageBody": json.dumps(
                    {"event_type": "plain", "group": f"g{group}", "number": number}
                ),
                "MessageGroupId": f"g{group}",
                "MessageDeduplicationId": f"g{group}-{number}-{uuid4().hex[:8]}",
            }
            for number in range(events)
            for group in range(groups)
        ]
        for start in range(0, len(entries), 10):
            batch = entries[start : start + 10]
            for index, entry in enumerate(batch):
                entry["Id"] = str(index)
            answer = self.sqs.send_message_batch(
                QueueUrl=self.environment["QUEUE_URL"], Entries=batch
            )
            assert not answer.get("Failed")

    @property
    def queue(self) -> str:
        """The name of the queue."""
        return self.environment["QUEUE_URL"].rpartition("/")[2]

    def kill(self, worker: ManagedProcess) -> None:
        """Kill a worker, and expire the leases of its messages and those of its open poll."""
        worker.kill()
        time.sleep(APP_WAIT_TIME + 0.1)
        self.sqs_server.expire_leases(queue=self.queue)

    def actions(self) -> list[str]:
        """Return the actions of all calls for this queue, in order."""
        return [call.action for call in self.sqs_server.calls() if call.queue == self.queue]

    def set_options(self, **options: Any) -> None:
        """Add consumer options for workers that start later."""
        set_before = json.loads(self.environment["CONSUMER_OPTIONS"])
        self.environment["CONSUMER_OPTIONS"] = json.dumps(set_before | options)

    def journal(self) -> list[Line]:
        """Return the lines that the steps have written."""
        return read_journal(Path(self.environment["JOURNAL"]))

    def done(self, *, step: str = "third") -> dict[str, list[int]]:
        """Return the events for which a step took effect, by group."""
        return did(self.journal(), step=step)

    def max_batch_size(self) -> int:
        """Return the largest number of events whose first step a process ran before the second."""
        lines = sorted(self.journal(), key=lambda line: (line.pid, line.at))
        runs = groupby(lines, key=lambda line: (line.pid, line.step))
        return max(
            sum(line.verb == "began" for line in run) for (_, step), run in runs if step == "first"
        )

    def dead_letters(self) -> list[dict[str, Any]]:
        """Receive and delete the messages of the dead-letter queue."""
        answer = self.sqs.receive_message(
            QueueUrl=self.environment["DLQ_URL"],
            MaxNumberOfMessages=10,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["All"],
        )
        letters = list(answer.get("Messages", []))
        for letter in letters:
            self.sqs.delete_message(
                QueueUrl=self.environment["DLQ_URL"], ReceiptHandle=letter["ReceiptHandle"]
            )
        return letters

    def waiting_on_queue(self) -> int:
        """Return how many messages are visible."""
        answer = self.sqs.get_queue_attributes(
            QueueUrl=self.environment["QUEUE_URL"], AttributeNames=["ApproximateNumberOfMessages"]
        )
        return int(answer["Attributes"]["ApproximateNumberOfMessages"])

    def left_on_queue(self) -> int:
        """Return how many messages are visible or in flight."""
        return depth(self.sqs, self.environment["QUEUE_URL"])

    def wait_until_empty(self, *, timeout: float = 30) -> None:
        """Wait until the queue is empty."""
        self.wait_until(lambda: self.left_on_queue() == 0, timeout=timeout)

    def wait_until_done(self, count: int) -> None:
        """Wait until the last step took effect for more than `count` events."""
        self.wait_until(lambda: sum(map(len, self.done().values())) > count)

    def wait_until_ended(self, worker: ManagedProcess) -> None:
        """Wait until a worker has ended."""
        self.wait_until(lambda: not worker.is_running)

    def wait_until(self, is_so: Callable[[], bool], *, timeout: float = 30) -> None:
        """Wait until `is_so()`. Fail with the end of the workers' logs if the time is up."""
        wait_until(is_so, timeout=timeout, workers=self.workers)


@pytest.fixture
def consumer_options(batch_size: int) -> dict[str, Any]:
    """Options of the consumer, which are added to those of the app."""
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
    sqs = boto3.client(
        "sqs",
        region_name="us-east-1",
        endpoint_url=sqs_server.url,
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )
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
        fifo_app = FifoApp(environment, tmp_path, sqs_server, sqs, processes)
        yield fifo_app
        sqs_server.clear_faults()
        kill_all(fifo_app.workers)


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
        "DATALAKE_URL": tmp_path.as_uri(),
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
        kill_all(service.workers)
        service.check_logs()


def _database_url(stack: Stack) -> str:
    """Return the address of the database that pytest-django has created."""
    parts = urlsplit(stack.environment["DATABASE_URL"])
    return urlunsplit(parts._replace(path=f"/{connection.settings_dict['NAME']}"))
