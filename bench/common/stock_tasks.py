"""Stock Celery on kombu's own SQS transport, set up to keep events and groups as well as it can."""

from typing import Any
from urllib.parse import urlsplit

from celery import Celery, chain

from bench.common.steps import STEPS, perform

QUEUE = "events.fifo"


def make_app(*, queue_url: str) -> Any:
    """An app with three tasks, on one predefined FIFO queue.

    Late acknowledgement and `task_reject_on_worker_lost` keep an event whose process dies. It
    polls as often as the other subject, and prefetches as much as Celery does by default.
    """
    server = urlsplit(queue_url).netloc
    keys = {"access_key_id": "testing", "secret_access_key": "testing"}
    app = Celery("stock", broker=f"sqs://testing:testing@{server}", set_as_current=False)
    app.conf.update(
        broker_transport_options={
            "region": "us-east-1",
            "is_secure": False,
            "wait_time_seconds": 1,
            "polling_interval": 0,
            "client-config": {"proxies": {}},
            "predefined_queues": {QUEUE: {"url": queue_url, "region": "us-east-1", **keys}},
        },
        broker_connection_retry_on_startup=True,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_default_queue=QUEUE,
        task_ignore_result=True,
        worker_enable_remote_control=False,
    )
    for step in STEPS:
        app.task(name=step, shared=False)(_task(step))
    return app


def send(*, app: Any, event: dict[str, Any]) -> None:
    """Publish the first step; each of the three messages is of the event's group."""
    steps = [
        app.tasks[step].si(event).set(MessageGroupId=event["group"], queue=QUEUE) for step in STEPS
    ]
    chain(*steps, app=app).apply_async()


def _task(step: str) -> Any:
    def run(event: dict[str, Any]) -> None:
        perform(step=step, event=event)

    return run
