"""The service's queue on the strict SQS server. Tests process its messages in their own process."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import boto3
import pytest
import time_machine

from apps.common import clock
from celery_sqs_fifo import QueuedEvent
from celery_sqs_fifo.consuming.ticks import is_superseded
from celery_sqs_fifo.delivery import Delivery
from celery_sqs_fifo.running.envelope import Envelope
from config.celery import app
from config.celeryconfig import QUEUE, broker_transport_options
from tasks.event_rules import RULES
from testbed.sqs import SqsServer
from testbed.sqs.fifo import Fifo, client_of
from tests.support.builders import deliver, place, sequence_at
from tests.support.endpoints import endpoint

TASKS = "tasks.closing."

# kombu creates a session for each connection, and each reads boto3's service descriptions again.
_session = cache(boto3.Session)


class ServiceQueue(Fifo):
    """The queue to which tasks are published. Its methods process messages as a worker does."""

    def __init__(self, server: SqsServer) -> None:
        super().__init__(
            client=client_of(server.url),
            server=server,
            DeduplicationScope="messageGroup",
            FifoThroughputLimit="perMessageGroupId",
        )
        self.strict = server
        self._passed = 0.0
        self._envelope = Envelope(
            app=app,
            queue=QUEUE,
            rules=RULES,
        )

    def pass_time(self, *, seconds: float) -> None:
        """Advance the queue's clock, by which stale ticks are recognised."""
        super().pass_time(seconds=seconds)
        self._passed += seconds

    def deliveries(self) -> list[Delivery]:
        """Receive and delete all visible messages, and classify each as a worker does."""
        deliveries = [
            Delivery.from_sqs(message, now=0, lease=60)
            for batch in iter(self.receive, [])
            for message in self._deleted(batch)
        ]
        for delivery in deliveries:
            self._envelope.classify(delivery)
        return deliveries

    def pointers(self) -> list[tuple[str, list[str]]]:
        """Receive and delete all visible pointers. Return their tasks and arguments."""
        return [self._pointer(delivery) for delivery in self.deliveries()]

    def work(self) -> list[str]:
        """Run the tasks of all messages on the queue, and of those that they publish.

        Return the names of the tasks. Raises what a task raises; its message is deleted.
        """
        done = []
        while deliveries := self.deliveries():
            for number, delivery in enumerate(deliveries, start=1):
                if not is_superseded(delivery, followers=deliveries[number:], now=self._now()):
                    done.append(self._run(delivery))
        return done

    def sends(self) -> int:
        """Return how many calls have sent messages."""
        counts = self.strict.call_counts()
        return counts.get("SendMessage", 0) + counts.get("SendMessageBatch", 0)

    def _now(self) -> float:
        """Return the server's time. A test may have stopped the clock of this process."""
        is_stopped = time_machine.escape_hatch.is_travelling()
        now = time_machine.escape_hatch.time.time() if is_stopped else time.time()
        return now + self._passed

    def _run(self, delivery: Delivery) -> str:
        if not delivery.is_celery:
            outcome = deliver(event=QueuedEvent.of(delivery))
            assert outcome is None, outcome
            return "event"
        name, arguments = self._pointer(delivery)
        task = app.tasks[TASKS + name]
        # This place is after everything that the test has queued in this group so far.
        number = sequence_at(clock.now(), number=999_999)
        where = place(queue_time=clock.now(), sequence_number=number, group=delivery.group_id)
        task.push_request(place=str(where))
        try:
            task.run(*arguments)
        finally:
            task.pop_request()
        return name

    def _pointer(self, delivery: Delivery) -> tuple[str, list[str]]:
        message = self._envelope.message([delivery])
        return message["headers"]["task"].removeprefix(TASKS), json.loads(message["body"])[0]

    def _deleted(self, messages: list[Any]) -> list[Any]:
        for message in messages:
            self.delete(message)
        return messages


@contextmanager
def service_queue(server: SqsServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[ServiceQueue]:
    """Create a queue. This process publishes to it within the block."""
    server.clear_faults()
    queue = ServiceQueue(server)
    options = {**broker_transport_options, "predefined_queues": {QUEUE: {"url": queue.url}}}
    app.loader.import_default_modules()
    # Threads that a test starts must use this app, too.
    app.set_default()
    with (
        endpoint("sqs", server.url, monkeypatch=monkeypatch),
        monkeypatch.context() as patch,
    ):
        patch.setitem(app.conf, "broker_transport_options", options)
        patch.setattr(boto3, "Session", _session)
        patch.setattr(app, "_pool", None)
        patch.setattr(app.amqp, "_producer_pool", None)
        server.reset_calls()
        yield queue
        app.pool.force_close_all()
