"""Real workers of a Celery app that a test starts, kills and waits for."""

import os
import signal
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

import pytest

from embedded.processes import ManagedProcess
from testbed.sqs import SqsServer
from testbed.traffic.sending import depth


@dataclass(kw_only=True)
class RunningWorkers(ABC):
    """The workers of one queue on the strict SQS server.

    `environment` has the settings of workers that start later. `logs` is the folder of their log
    files, and `sqs` a client of the server.
    """

    # The length of a long poll, in seconds.
    WAIT_TIME: ClassVar[float]

    environment: dict[str, str]
    logs: Path
    sqs_server: SqsServer
    sqs: Any
    workers: list[ManagedProcess] = field(default_factory=list)

    @property
    @abstractmethod
    def queue_url(self) -> str:
        """The address of the queue that events are sent to."""

    @property
    def queue(self) -> str:
        """The name of the queue that events are sent to."""
        return self.queue_url.rpartition("/")[2]

    def send_body(
        self, body: str, *, group: str, attributes: Mapping[str, str] | None = None
    ) -> str:
        """Send a message with attributes of type String. Return its id."""
        answer = self.sqs.send_message(
            QueueUrl=self.queue_url,
            MessageBody=body,
            MessageGroupId=group,
            MessageDeduplicationId=str(uuid4()),
            MessageAttributes={
                name: {"DataType": "String", "StringValue": value}
                for name, value in (attributes or {}).items()
            },
        )
        return str(answer["MessageId"])

    def kill(self, worker: ManagedProcess) -> None:
        """Kill a worker, and expire the leases of its messages and those of its open poll."""
        worker.kill()
        time.sleep(self.WAIT_TIME + 0.1)
        self.expire_leases()

    def expire_leases(self) -> None:
        """Expire the leases of all messages in flight."""
        self.sqs_server.expire_leases(queue=self.queue)

    def left_on_queue(self) -> int:
        """Return how many messages are visible or in flight."""
        return depth(self.sqs, self.queue_url)

    def wait_until_empty(self, *, timeout: float = 30) -> None:
        """Wait until the queue is empty."""
        self.wait_until_left(0, timeout=timeout)

    def wait_until_left(self, count: float, *, timeout: float = 30) -> None:
        """Wait until at most `count` messages are on the queue."""
        self.wait_until(lambda: self.left_on_queue() <= count, timeout=timeout)

    def wait_until_ended(self, worker: ManagedProcess, *, timeout: float = 30) -> None:
        """Wait until a worker has ended."""
        self.wait_until(lambda: not worker.is_running, timeout=timeout)

    def wait_until(self, condition: Callable[[], bool], *, timeout: float = 30) -> None:
        """Wait until `condition()` is true. Fail with the ends of the logs after `timeout`."""
        wait_until(condition, timeout=timeout, workers=self.workers)


def wait_until(
    condition: Callable[[], bool], *, timeout: float, workers: Sequence[ManagedProcess]
) -> None:
    """Wait until `condition()` is true. Fail with the ends of the logs after `timeout`.

    The logs then end with the stacks of the workers' threads, which Celery writes after SIGUSR1.
    """
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            for worker in workers:
                if worker.is_running:
                    os.kill(worker.pid, signal.SIGUSR1)
            time.sleep(0.5)
            logs = "\n".join(worker.log_text()[-8000:] for worker in workers)
            pytest.fail(
                f"the condition is not met after {timeout} seconds; the workers' logs:\n{logs}"
            )
        time.sleep(0.05)
