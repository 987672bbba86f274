"""Subjects whose steps are trivial: a queue, how events are sent to it, and its workers."""

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
from bench.common.results import PROJECT_ROOT
from bench.common.steps import QUEUE, STEPS
from bench.common.stock_celery import StockEncoder
from bench.common.workers import worker_command
from embedded.environment import with_settings
from embedded.processes import Command, ManagedProcess, Supervisor, supervisor
from testbed.journal import Line, read_journal
from testbed.sqs import SqsServer, running_sqs_server

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
class Kind:
    """An app of Celery, and how it takes an event of a group."""

    title: str
    app: str
    encoder: Callable[[], Callable[[Event], str]]


def _encoder_of_stock() -> Callable[[Event], str]:
    encoder = StockEncoder(queue=QUEUE, steps=STEPS)
    return lambda event: encoder.body(event, group=event["group"])


STOCK = Kind(title="stock Celery", app="bench.common.stock_app", encoder=_encoder_of_stock)
FIFO = Kind(title="this transport", app="bench.common.fifo_app", encoder=lambda: json.dumps)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where subjects run: their server, processes, and folder for journals and logs."""

    server: SqsServer
    processes: Supervisor
    directory: Path
    concurrency: int


@contextmanager
def running_place(*, concurrency: int) -> Iterator[Place]:
    """Run a model of SQS that fills a receive from one group first, as AWS documents."""
    with running_sqs_server(greedy=True) as server, supervisor() as processes:
        directory = processes.temporary_directory()
        yield Place(
            server=server, processes=processes, directory=directory, concurrency=concurrency
        )


class Subject:
    """One of them on fresh queues of its own. Its processes end with the supervisor's block."""

    def __init__(
        self, kind: Kind, *, place: Place, environment: Mapping[str, str] | None = None
    ) -> None:
        self.name = f"{kind.app.rpartition('.')[2].replace('_', '-')}-{uuid4().hex[:8]}"
        self.queue = f"{self.name}.fifo"
        self.workers: list[ManagedProcess] = []
        self._killed: list[ManagedProcess] = []
        self._kind = kind
        self._place = place
        self._journal = place.directory / f"{self.name}.journal"
        queue_url = place.server.queue_url(self.queue)
        dlq_url = place.server.queue_url(f"{self.name}-dlq.fifo")
        self._messages = LightQueue(queue_url=queue_url)
        self._dead_letters = LightQueue(queue_url=dlq_url)
        for queue in (self._messages, self._dead_letters):
            queue.create(_ATTRIBUTES)
        self._environment = {
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL_SQS": place.server.url,
            "QUEUE_URL": queue_url,
            "DLQ_URL": dlq_url,
            "JOURNAL": str(self._journal),
            "VISIBILITY_TIMEOUT": str(VISIBILITY_TIMEOUT_SECONDS),
            "no_proxy": "127.0.0.1,localhost",
            **(environment or {}),
        }

    def send(self, events: Sequence[Event]) -> None:
        """Put events on the queue, in this order."""
        encode = self._kind.encoder()
        self._messages.fill(Message(group=one["group"], body=encode(one)) for one in events)

    def send_body(self, body: str, *, group: str) -> None:
        """Put any body on the queue."""
        self._messages.fill([Message(group=group, body=body)])

    def start_worker(self) -> ManagedProcess:
        """Start a worker, which is not ready yet."""
        name = f"{self.name}-{len(self.workers)}"
        command = Command(
            name=name,
            arguments=worker_command(
                app=self._kind.app, queue=QUEUE, processes=self._place.concurrency, name=name
            ),
            environment=with_settings(self._environment),
            working_directory=PROJECT_ROOT,
        )
        log = self._place.directory / f"{name}.log"
        self.workers.append(self._place.processes.start(command=command, log=log))
        return self.workers[-1]

    def wait_until_ready(self) -> None:
        """Return when the newest worker consumes. Raise ProcessError if it does not."""
        self.workers[-1].wait_until_ready(
            is_ready=partial(is_ready, self.workers[-1]), timeout_seconds=_READY_SECONDS
        )

    def wait_until_left(self, most: int, *, most_seconds: float) -> None:
        """Return when no more than so many are left on the queue, at the latest after a time."""
        deadline = time.monotonic() + most_seconds
        while self.left_on_queue() > most and self.is_running and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)

    def kill_worker(self) -> None:
        """Kill the newest worker with its pool processes, if it still runs."""
        worker = self.workers[-1]
        if worker.is_running:
            self._killed.append(worker)
            worker.kill()

    def own_exits(self) -> list[int]:
        """Return the exit statuses of the workers that ended without being killed from here."""
        statuses = [worker.exit_status for worker in self.workers if worker not in self._killed]
        return [status for status in statuses if status is not None]

    def gave_up(self) -> int:
        """Return how many workers logged Celery's words for an error that ends its consumer."""
        return sum(_GAVE_UP in worker.log_text() for worker in self.workers)

    @property
    def is_running(self) -> bool:
        """Whether the newest worker runs."""
        return self.workers[-1].is_running

    def journal(self) -> list[Line]:
        """Return what the steps have written, in order of time."""
        return read_journal(self._journal)

    def journal_size(self) -> int:
        """Return the journal's bytes; it grows as long as something is done."""
        return self._journal.stat().st_size if self._journal.exists() else 0

    def left_on_queue(self) -> int:
        """Return how many messages wait or are in flight."""
        return self._messages.size()

    def dead_letters(self) -> int:
        """Return how many messages are in the dead-letter queue."""
        return self._dead_letters.size()


def is_ready(worker: ManagedProcess) -> bool:
    """Whether the worker has logged that it consumes."""
    return " ready." in worker.log_text()


def make_events(*, groups: int, numbers: range, seconds: float) -> list[Event]:
    """Return events of these numbers for each group, the groups mixed; each step takes so long."""
    return [
        {"group": f"g{group}", "number": number, "seconds": seconds}
        for number in numbers
        for group in range(groups)
    ]
