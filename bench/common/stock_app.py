"""The three steps on stock Celery: `celery -A bench.common.stock_app worker`.

QUEUE_URL names the queue.
"""

import os
from typing import Any

from bench.common.stock_celery import stock_celery
from testbed.steps import QUEUE, STEPS, perform

app = stock_celery(queue=QUEUE, queue_url=os.environ["QUEUE_URL"])


def _task(step: str) -> Any:
    def run(event: dict[str, Any]) -> dict[str, Any]:
        perform(step=step, event=event)
        return event

    return run


for _step in STEPS:
    app.task(name=_step)(_task(_step))
