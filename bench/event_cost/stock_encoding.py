"""What Celery puts on the queue for the chain of an event, made without sending it."""

import base64
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from celery import Celery, chain
from kombu.utils import json

from bench.common.chat import ChatEvent

QUEUE = "conversations.fifo"
STEPS = ("process_message", "persist_dynamo", "handle_csat")


class StockEncoder:
    """Publishes to Celery's memory broker, and takes the message from there.

    So the sender costs the same for every subject, and knows the message ids.
    """

    def __init__(self) -> None:
        self._app = Celery("encoder", broker="memory://", set_as_current=False, fixups=[])
        self._app.conf.update(task_ignore_result=True)
        self._dump: Callable[[Any], str] = json.dumps
        self._channel = self._app.connection_for_write().channel()

    def __call__(self, event: ChatEvent) -> ChatEvent:
        """The event with the body that kombu's SQS transport gives the chain's first message."""
        given = {"body": event.body, "group": event.group, "sent_at": time.time()}
        first, *others = [self._app.signature(step) for step in STEPS]
        steps = [first.clone(args=(given,)), *others]
        for step in steps:
            step.set(MessageGroupId=event.group, queue=QUEUE)
        chain(*steps, app=self._app).apply_async()
        message = self._channel._get(QUEUE)
        return replace(event, body=base64.b64encode(self._dump(message).encode()).decode())
