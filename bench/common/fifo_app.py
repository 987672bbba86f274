"""The three steps on this project's transport: `celery -A bench.common.fifo_app worker`."""

import json
import os
from typing import Any

from celery_sqs_fifo import (
    Backoff,
    BatchItem,
    ControlledCelery,
    EventRules,
    EventTask,
    bug_outcome,
    process_each,
)
from testbed.steps import QUEUE, STEPS, perform

app = ControlledCelery("fifo", broker="sqs://", fixups=[])
app.conf.update(
    broker_transport="celery_sqs_fifo.transport:Transport",
    broker_transport_options={
        "region": "us-east-1",
        "predefined_queues": {QUEUE: {"url": os.environ["QUEUE_URL"]}},
        "event_rules": EventRules(chain=STEPS),
        "consumer": {
            "dead_letter_queue_url": os.environ["DLQ_URL"],
            "backoff": Backoff(first=0.05, longest=0.5),
            "wait_time": 1,
            "visibility_timeout": int(os.environ["VISIBILITY_TIMEOUT"]),
        },
    },
    broker_connection_retry_on_startup=True,
    task_default_queue=QUEUE,
    task_ignore_result=True,
    worker_prefetch_multiplier=1,
    worker_enable_remote_control=False,
    control_broker_url=os.environ.get("CONTROL_URL", ""),
    worker_send_task_events=bool(os.environ.get("CONTROL_URL")),
)


def _task(step: str) -> Any:
    def perform_one(item: BatchItem) -> None:
        perform(step=step, event=json.loads(item.event.body))

    def run(batch: list[BatchItem]) -> None:
        process_each(batch, perform_one, outcome_of=bug_outcome)

    return run


for _step in STEPS:
    app.task(base=EventTask, name=_step)(_task(_step))
