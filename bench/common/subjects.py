"""The two subjects: a queue, how events are sent to it, and the workers that consume it."""

import json
import sys
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import boto3
from botocore.config import Config

from bench.common import stock_tasks
from embedded.environment import with_settings
from embedded.processes import Command, ManagedProcess, Supervisor
from testbed.journal import Line, read_journal
from testbed.sqs import SqsServer

PROJECT_ROOT = Path(__file__).resolve().parents[2]
VISIBILITY_TIMEOUT_SECONDS = 60
_READY_SECONDS = 30.0
_BATCH = 10
_GAVE_UP = "Unrecoverable error"
_KEYS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
_WAITING: Final = "ApproximateNumberOfMessages"
_IN_FLIGHT: Final = "ApproximateNumberOfMessagesNotVisible"

Event = dict[str, Any]


class Subject(ABC):
    """One of the two, on fresh queues of its own. Its processes end with the supervisor's block."""

    app: str

    def __init__(
        self, *, server: SqsServer, processes: Supervisor, directory: Path, concurrency: int
    ) -> None:
        name = f"{self.app.rpartition('.')[2].replace('_', '-')}-{uuid4().hex[:8]}"
        self.queue = f"{name}.fifo"
        self.queue_url = server.queue_url(self.queue)
        self.dlq_url = server.queue_url(f"{name}-dlq.fifo")
        self.workers: list[ManagedProcess] = []
        self._killed: list[ManagedProcess] = []
        self._server = server
        self._processes = processes
        self._directory = directory
        self._concurrency = concurrency
        self._journal = directory / f"{name}.journal"
        self._sqs = boto3.client(
            "sqs",
            region_name="us-east-1",
            endpoint_url=server.url,
            aws_access_key_id="testing",
            aws_secret_access_key="testing",  # noqa: S106 (the model server takes any)
            config=Config(proxies={}),
        )
        for url in (self.queue_url, self.dlq_url):
            self._create(url)

    @abstractmethod
    def send(self, events: Sequence[Event]) -> None:
        """Put events on the queue, in this order."""

    def send_body(self, body: str, *, group: str) -> None:
        """Put any body on the queue."""
        self._sqs.send_message(
            QueueUrl=self.queue_url,
            MessageBody=body,
            MessageGroupId=group,
            MessageDeduplicationId=str(uuid4()),
        )

    def start_worker(self) -> ManagedProcess:
        """Start a worker; `wait_until_ready` tells when it consumes."""
        name = f"{self.queue.removesuffix('.fifo')}-{len(self.workers)}"
        arguments = ["-m", "celery", "-A", self.app, "worker", "-Q", stock_tasks.QUEUE]
        arguments += ["--concurrency", str(self._concurrency), "--hostname", f"{name}@%h"]
        arguments += ["--loglevel", "INFO"]
        worker = self._processes.start(
            command=Command(
                name=name,
                arguments=[sys.executable, *arguments],
                environment=with_settings(self._environment()),
                working_directory=PROJECT_ROOT,
            ),
            log=self._directory / f"{name}.log",
        )
        self.workers.append(worker)
        return worker

    def wait_until_ready(self) -> None:
        """Returns when the newest worker consumes. Raises ProcessError if it does not."""
        worker = self.workers[-1]
        worker.wait_until_ready(
            is_ready=lambda: " ready." in worker.log_text(), timeout_seconds=_READY_SECONDS
        )

    def kill_worker(self) -> None:
        """Kill the newest worker with its pool processes, if it still runs."""
        worker = self.workers[-1]
        if worker.is_running:
            self._killed.append(worker)
            worker.kill()

    def own_exits(self) -> list[int]:
        """The exit statuses of the workers that ended without being killed from here."""
        statuses = [worker.exit_status for worker in self.workers if worker not in self._killed]
        return [status for status in statuses if status is not None]

    def gave_up(self) -> int:
        """How many workers logged Celery's word for an error that it cannot go on after."""
        return sum(_GAVE_UP in worker.log_text() for worker in self.workers)

    @property
    def is_running(self) -> bool:
        """Whether the newest worker runs."""
        return self.workers[-1].is_running

    def journal(self) -> list[Line]:
        """What the steps have written, in order of time."""
        return read_journal(self._journal)

    def journal_size(self) -> int:
        """In bytes; it grows as long as something is done."""
        return self._journal.stat().st_size if self._journal.exists() else 0

    def left_on_queue(self) -> int:
        """How many messages wait or are in flight."""
        return self._count(self.queue_url)

    def dead_letters(self) -> int:
        """How many messages are in the dead-letter queue."""
        return self._count(self.dlq_url)

    def _count(self, url: str) -> int:
        answer = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[_WAITING, _IN_FLIGHT])
        return sum(map(int, answer["Attributes"].values()))

    def _create(self, url: str) -> None:
        self._sqs.create_queue(
            QueueName=url.rpartition("/")[2],
            Attributes={
                "FifoQueue": "true",
                "DeduplicationScope": "messageGroup",
                "FifoThroughputLimit": "perMessageGroupId",
                "VisibilityTimeout": str(VISIBILITY_TIMEOUT_SECONDS),
            },
        )

    def _environment(self) -> dict[str, str]:
        return {
            **_KEYS,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL_SQS": self._server.url,
            "QUEUE_URL": self.queue_url,
            "DLQ_URL": self.dlq_url,
            "JOURNAL": str(self._journal),
            "VISIBILITY_TIMEOUT": str(VISIBILITY_TIMEOUT_SECONDS),
            "no_proxy": "127.0.0.1,localhost",
        }


class Stock(Subject):
    """Stock Celery with kombu's own SQS transport; its events are sent by Celery."""

    app = "bench.common.stock_app"

    def send(self, events: Sequence[Event]) -> None:
        app = stock_tasks.make_app(queue_url=self.queue_url)
        for event in events:
            stock_tasks.send(app=app, event=event)
        app.close()


class Fifo(Subject):
    """This project's transport; its events are raw JSON."""

    app = "bench.common.fifo_app"

    def send(self, events: Sequence[Event]) -> None:
        for start in range(0, len(events), _BATCH):
            answer = self._sqs.send_message_batch(
                QueueUrl=self.queue_url,
                Entries=[
                    {
                        "Id": str(index),
                        "MessageBody": json.dumps(event),
                        "MessageGroupId": event["group"],
                        "MessageDeduplicationId": str(uuid4()),
                    }
                    for index, event in enumerate(events[start : start + _BATCH])
                ],
            )
            if answer.get("Failed"):
                raise RuntimeError(f"SQS refused events: {answer['Failed']}")


def make_events(*, groups: int, numbers: range, seconds: float) -> list[Event]:
    """Events of these numbers for each group, the groups mixed; each step takes so long."""
    return [
        {"group": f"g{group}", "number": number, "seconds": seconds}
        for number in numbers
        for group in range(groups)
    ]
