"""The four subjects of the comparison, each with the same number of processes."""

import sys
import time
from dataclasses import replace

from bench.common.chat import ChatEvent
from bench.common.stock_celery import SERVICE_STEPS, StockEncoder
from bench.common.trial import PROCESSES, Contender, Encoder, service
from embedded.service import QUEUE, celery_command, worker_arguments

_LOOP = [sys.executable, "-m", "bench.event_cost.bare_loop"]


def contenders() -> list[Contender]:
    """Return this service, stock Celery, and the two bare loops."""
    arguments = worker_arguments(concurrency=PROCESSES)
    stock = celery_command(*arguments, app="bench.event_cost.stock_service")
    return [
        service(),
        Contender(name="stock", title="stock Celery", commands=[stock], encoder=_encoder_of_stock),
        Contender(name="floor", title="bare loop", commands=[_LOOP] * PROCESSES),
        Contender(
            name="limit",
            title="bare loop, in tens",
            commands=[[*_LOOP, "--together"]] * PROCESSES,
        ),
    ]


def _encoder_of_stock() -> Encoder:
    encoder = StockEncoder(queue=QUEUE, steps=SERVICE_STEPS)

    def encode(event: ChatEvent) -> ChatEvent:
        argument = {"body": event.body, "group": event.group, "sent_at": time.time()}
        return replace(event, body=encoder.body(argument, group=event.group))

    return encode
