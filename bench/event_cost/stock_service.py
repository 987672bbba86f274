"""The service's three tasks on stock Celery: `celery -A bench.event_cost.stock_service worker`.

It uses kombu's own SQS transport and one predefined FIFO queue. Each step is a message of the
event's group.
"""

import os
import sys
from pathlib import Path
from typing import Any

import django
from celery import signals

from bench.common.stock_celery import SERVICE_STEPS, stock_celery
from embedded.service import QUEUE

app = stock_celery(queue=QUEUE, queue_url=os.environ["SQS_CONVERSATION_QUEUE_URL"])


def _add_tasks(**_signal: Any) -> None:
    # The `celery` script does not put the project on sys.path; Celery's Django fixup would.
    sys.path.insert(0, str(Path.cwd()))
    django.setup()

    # The tasks import models, which need the settings.
    from bench.event_cost import stock_service_tasks

    for step in SERVICE_STEPS:
        app.task(name=step)(getattr(stock_service_tasks, step))


signals.import_modules.connect(_add_tasks)
