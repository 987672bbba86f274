"""Stock Celery on kombu's own SQS transport, with the settings that lose the fewest events."""

import base64
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

from celery import Celery, chain
from kombu.utils import json

# The names of the service's three tasks.
SERVICE_STEPS = ("process_message", "persist_dynamo", "handle_csat")


def stock_celery(*, queue: str, queue_url: str) -> Any:
    """Return an app without tasks, on one predefined FIFO queue.

    Late acknowledgement and `task_reject_on_worker_lost` keep an event whose process dies. The app
    polls as often as the other subjects, with Celery's default prefetch. It has no Django fixup,
    which would close the connection to PostgreSQL around every task.
    """
    keys = {"access_key_id": "testing", "secret_access_key": "testing"}
    server = urlsplit(queue_url).netloc
    app: Any = Celery("stock", broker=f"sqs://testing:testing@{server}", fixups=[])
    app.conf.update(
        broker_transport_options={
            "region": "us-east-1",
            "is_secure": False,
            "wait_time_seconds": 1,
            "polling_interval": 0,
            "client-config": {"proxies": {}},
            "predefined_queues": {queue: {"url": queue_url, "region": "us-east-1", **keys}},
        },
        broker_connection_retry_on_startup=True,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_default_queue=queue,
        task_ignore_result=True,
        worker_enable_remote_control=False,
    )
    return app


class StockEncoder:
    """Builds the message that Celery puts on the queue for the chain of an event.

    It publishes the chain to Celery's in-memory broker and reads the message from there. Then the
    benchmark sends the message itself, so that sending costs the same for every subject, and the
    message ids are known. All messages of a chain are in the event's group.
    """

    def __init__(self, *, queue: str, steps: Sequence[str]) -> None:
        self._app = Celery("encoder", broker="memory://", set_as_current=False, fixups=[])
        self._app.conf.update(task_ignore_result=True)
        self._queue = queue
        self._steps = steps
        self._dump: Callable[[Any], str] = json.dumps
        self._channel = self._app.connection_for_write().channel()

    def body(self, argument: dict[str, Any], *, group: str) -> str:
        """Return the body of the chain's first message, as kombu's SQS transport writes it."""
        first, *others = [self._app.signature(step) for step in self._steps]
        steps = [first.clone(args=(argument,)), *others]
        for step in steps:
            step.set(MessageGroupId=group, queue=self._queue)
        chain(*steps, app=self._app).apply_async()
        # kombu has no public way to take a message off its in-memory transport.
        message = self._channel._get(self._queue)  # noqa: SLF001
        return base64.b64encode(self._dump(message).encode()).decode()
