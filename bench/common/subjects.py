"""Subjects whose three steps do no work: their queues, events and workers."""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

from bench.common.queue import LightQueue, Message
from bench.common.stock_celery import StockEncoder
from embedded.processes import ManagedProcess, Supervisor, supervisor
from embedded.service import celery_command, is_ready, project_command, worker_arguments
from testbed.journal import Line, read_journal
from testbed.sqs import SqsServer, running_sqs_server
from testbed.steps import QUEUE, STEPS

VISIBILITY_TIMEOUT_SECONDS = 60
_READY_SECONDS = 30.0
_POLL_SECONDS = 0.05
_GAVE_UP = "Unrecoverable error"
_ATTRIBUTES = {
    "FifoQueue": "true",
    "DeduplicationScope": "messageGroup",
    "FifoThroughputLimit": "perMessageGroupId",
    "VisibilityTimeout": str(VISIBILITY_TIMEOUT_SECONDS),
}

Event = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Transport:
    """A Celery app on one of the two transports, and the encoder of its events."""

    title: str
    app: str
    encoder: Callable[[], Callable[[Event], str]]


def _encoder_of_stock() -> Callable[[Event], str]:
    encoder = StockEncoder(queue=QUEUE, steps=STEPS)
    return lambda event: encoder.body(event, group=event["group"])


STOCK = Transport(title="stock Celery", app="bench.common.stock_app", encoder=_encoder_of_stock)
FIFO = Transport(title="this transport", app="bench.common.fifo_app", encoder=lambda: json.dumps)


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """The parts that subjects share: SQS server, supervisor, and a folder for journals and logs."""

    server: SqsServer
    processes: Supervisor
    directory: Path
    concurrency: int


@contextmanager
def running_site(*, concurrency: int) -> Iterator[Site]:
    """Run a model of SQS that fills a batch from one group first, as AWS documents."""
    with running_sqs_server(greedy=True) as server, supervisor() as processes:
        directory = processes.temporary_directory()
        yield Site(server=server, processes=processes, directory=directory, concurrency=concurrency)


class Subject:
    """A Celery app on new queues. Its workers end with the block of `running_site`."""

    def __init__(
        self, transport: Transport, *, site: Site, environment: Mapping[str, str] | None = None
    ) -> None:
        self.name = f"{transport.app.rpartition('.')[2].replace('_', '-')}-{uuid4().hex[:8]}"
        self.queue = f"{self.name}.fifo"
        self.workers: list[ManagedProcess] = []
        self._killed: list[ManagedProcess] = []
        self._transport = transport
        self._site = site
        self._journal = site.directory / f"{self.name}.journal"
        queue_url = site.server.queue_url(self.queue)
        dlq_url = site.server.queue_url(f"{self.name}-dlq.fifo")
        self._messages = LightQueue(queue_url=queue_url)
        self._dead_letters = LightQueue(queue_url=dlq_url)
        for queue in (self._messages, self._dead_letters):
            queue.create(_ATTRIBUTES)
        self._environment = {
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL_SQS": site.server.url,
            "QUEUE_URL": queue_url,
            "DLQ_URL": dlq_url,
            "JOURNAL": str(self._journal),
            "VISIBILITY_TIMEOUT": str(VISIBILITY_TIMEOUT_SECONDS),
            "no_proxy": "127.0.0.1,localhost",
            **(environment or {}),
        }

    def send(self, events: Sequence[Event]) -> None:
        """Send events in this order."""
        encode = self._transport.encoder()
        self._messages.fill(Message(group=one["group"], body=encode(one)) for one in events)

    def send_body(self, body: str, *, group: str) -> None:
        """Send a body without encoding it."""
        self._messages.fill([Message(group=group, body=body)])

    def start_worker(self) -> ManagedProcess:
        """Start a worker, without waiting until it is ready."""
        name = f"{self.name}-{len(self.workers)}"
        arguments = worker_arguments(queue=QUEUE, concurrency=self._site.concurrency, name=name)
        command = project_command(
            name,
            celery_command(*arguments, app=self._transport.app),
            environment=self._environment,
            grace_seconds=10.0,
        )
        log = self._site.directory / f"{name}.log"
        self.workers.append(self._site.processes.start(command=command, log=log))
        return self.workers[-1]

    def wait_until_ready(self, *, timeout_seconds: float = _READY_SECONDS) -> None:
        """Wait until the newest worker consumes. Raises ProcessError if it does not."""
        self.workers[-1].wait_until_ready(
            is_ready=partial(is_ready, self.workers[-1]), timeout_seconds=timeout_seconds
        )

    def wait_until_left(self, count: int, *, max_seconds: float) -> None:
        """Wait until at most `count` messages are left on the queue, or until the time is up."""
        deadline = time.monotonic() + max_seconds
        while self.left_on_queue() > count and self.is_running and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)

    def kill_worker(self) -> None:
        """Kill the newest worker and its pool processes, if it still runs."""
        worker = self.workers[-1]
        if worker.is_running:
            self._killed.append(worker)
            worker.kill()

    def own_exits(self) -> list[int]:
        """Return the exit statuses of the workers that `kill_worker` did not kill."""
        statuses = [worker.exit_status for worker in self.workers if worker not in self._killed]
        return [status for status in statuses if status is not None]

    def gave_up(self) -> int:
        """Return how many workers logged the error that Celery logs when its consumer ends."""
        return sum(_GAVE_UP in worker.log_text() for worker in self.workers)

    @property
    def is_running(self) -> bool:
        """Whether the newest worker runs."""
        return self.workers[-1].is_running

    def journal(self) -> list[Line]:
        """Return the lines that the steps have written, in order of time."""
        return read_journal(self._journal)

    def journal_size(self) -> int:
        """Return the size of the journal in bytes, which grows with every step."""
        return self._journal.stat().st_size if self._journal.exists() else 0

    def left_on_queue(self) -> int:
        """Return how many messages are visible or in flight."""
        return self._messages.size()

    def dead_letters(self) -> int:
        """Return how many messages are in the dead-letter queue."""
        return self._dead_letters.size()


def make_events(*, groups: int, numbers: range, seconds: float) -> list[Event]:
    """Return events with these numbers for each group. `seconds` is the length of each step."""
    return [
        {"group": f"g{group}", "number": number, "seconds": seconds}
        for number in numbers
        for group in range(groups)
    ]
