"""The service's three tasks on stock Celery: `celery -A bench.event_cost.stock_service worker`.

kombu's own SQS transport, one predefined FIFO queue, each step a message of the event's group.
Late acknowledgement and `task_reject_on_worker_lost` keep an event whose process dies. Without
Celery's Django fixup, which would close the connection to PostgreSQL around every task.
"""

import os
from typing import Any
from urllib.parse import urlsplit

import django
from celery import Celery, signals

from bench.event_cost.stock_encoding import QUEUE, STEPS

_url = os.environ["SQS_CONVERSATION_QUEUE_URL"]

app: Any = Celery("stock", broker=f"sqs://testing:testing@{urlsplit(_url).netloc}", fixups=[])
app.conf.update(
    broker_transport_options={
        "region": "us-east-1",
        "is_secure": False,
        "wait_time_seconds": 1,
        "polling_interval": 0,
        "client-config": {"proxies": {}},
        "predefined_queues": {
            QUEUE: {
                "url": _url,
                "region": "us-east-1",
                "access_key_id": "testing",
                "secret_access_key": "testing",
            }
        },
    },
    broker_connection_retry_on_startup=True,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_default_queue=QUEUE,
    task_ignore_result=True,
    worker_enable_remote_control=False,
)


def _add_tasks(**_signal: Any) -> None:
    django.setup()

    # Only now: they need Django's models.
    from bench.event_cost.stock_service_tasks import handle_csat, persist_dynamo, process_message

    for name, step in zip(STEPS, (process_message, persist_dynamo, handle_csat), strict=True):
        app.task(name=name)(step)


signals.import_modules.connect(_add_tasks)
