"""The service's own Celery app, with faults at the points that a test chooses.

`celery -A tests.support.faulty_app worker` runs the same as `celery -A config worker`, but with
small pages and batches, so that a few messages make many batches. So does `beat`. The environment
selects the faults: FAULT_PLAN is the path of the plan that tests.support.fault_points.arm wrote. If
THROTTLE_SEED is set, DynamoDB refuses about half of all calls.
"""

import io
import json
import os
import random
from collections.abc import Callable, Iterator, Mapping
from functools import cache, wraps
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from celery import signals

from config.celery import app
from tests.support.fault_points import Striker

__all__ = ("app",)

WAIT_TIME = 1
SMALL = {
    "tasks.closing:PAGE": 12,
    "tasks.closing:CHECKS_PAGE": 1,
    "apps.messages.store:ARCHIVE_BATCH_ENTRIES": 30,
    "apps.messages.archive:MAX_PART_ENTRIES": 20,
}
# The function that causes each effect.
EFFECTS: Mapping[str, str] = {
    "claim": "apps.conversations.closing:claim_due",
    "publish": "celery_sqs_fifo.transport:Channel.put_all",
    "publish next tick": "celery_sqs_fifo.transport:Channel._put",
    "give back": "apps.conversations.closing:give_back",
    "close": "apps.conversations.closing:close_if_due",
    "close by event": "apps.conversations.services:close",
    "store": "apps.messages.message_table:put_new",
    "merge": "apps.messages.archive:merge",
    "delete": "apps.messages.message_table:_write_batch",
    "mark archived": "django.db.models.query:QuerySet.update",
    "claim checks": "apps.conversations.archive_checks:claim",
    "complete check": "apps.conversations.archive_checks:complete",
    "tell the lake": "apps.analytics.datalake.files:FileDataLake.send",
    "note what the lake said": "apps.analytics.outbox:_record_delivery",
    "acknowledge": "celery_sqs_fifo.consuming.acks:Acks._send",
    "learn that SQS deleted": "celery_sqs_fifo.consuming.acks:Acks._apply_answer",
    "send tick": "django_celery_beat.schedulers:DatabaseScheduler.apply_async",
    "save tick": "django_celery_beat.schedulers:DatabaseScheduler.sync",
}
THROTTLED = ("ThrottlingException", "ProvisionedThroughputExceededException")

app.conf.broker_transport_options["consumer"]["wait_time"] = WAIT_TIME
# How long the pool waits for the result of a process that has ended, in seconds.
app.conf.worker_lost_wait = 0.2


@signals.import_modules.connect
def prepare(**_signal: Any) -> None:
    """Install the faults after config.celery has set up Django, and before the pool is forked."""
    _prepare_once()


@cache
def _prepare_once() -> None:
    for name, size in SMALL.items():
        owner, attribute = _place(name)
        if not hasattr(owner, attribute):
            raise AttributeError(name)
        setattr(owner, attribute, size)
    striker = Striker(Path(os.environ["FAULT_PLAN"]))
    for effect, name in EFFECTS.items():
        owner, attribute = _place(name)
        setattr(owner, attribute, _with_a_point_before(getattr(owner, attribute), effect, striker))
    seed = os.environ.get("THROTTLE_SEED")
    if seed:
        _throttle_dynamodb(seed)


def _place(name: str) -> tuple[Any, str]:
    """Return the owner and the name of `module:attribute` or `module:Class.attribute`."""
    module, _, path = name.partition(":")
    class_name, _, attribute = path.rpartition(".")
    return resolve_name(f"{module}:{class_name}" if class_name else module), attribute


def _with_a_point_before(
    original: Callable[..., Any], effect: str, striker: Striker
) -> Callable[..., Any]:
    @wraps(original)
    def call(*args: Any, **kwargs: Any) -> Any:
        if effect != "mark archived":
            striker.meet(effect, about=lambda: repr((args, kwargs)))
        elif kwargs.keys() == {"archived_at"}:
            # The repr of a query set would run the query, so use its SQL.
            striker.meet(effect, about=lambda: str(args[0].query))
        return original(*args, **kwargs)

    return call


def _throttle_dynamodb(seed: str) -> None:
    """Answer about half of all calls, including retries, with a throttling error of DynamoDB.

    These calls are never sent, so that they have no effect (botocore, event "before-send").
    """
    aws = resolve_name("apps.common.aws")
    client_of_process = aws.client_of_process

    @cache
    def throttled_client(process_id: int, service: str, *options: Any) -> Any:
        client = client_of_process(process_id, service, *options)
        # Seeded without the process id, so that each run with this seed throttles the same calls.
        client.meta.events.register("before-send.dynamodb", _Throttle(random.Random(seed)))  # noqa: S311
        return client

    aws.client_of_process = throttled_client


class _Throttle:
    def __init__(self, chance: random.Random) -> None:
        self._chance = chance

    def __call__(self, request: AWSPreparedRequest, **_event: Any) -> AWSResponse | None:
        if self._chance.random() >= 0.5:
            return None
        code = self._chance.choice(THROTTLED)
        refusal = {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": "slow down"}
        return AWSResponse(request.url, 400, HTTPHeaders(), _Answer(json.dumps(refusal).encode()))


class _Answer(io.BytesIO):
    """A made-up answer body, which botocore reads as it reads a connection."""

    def stream(self, **_options: Any) -> Iterator[bytes]:
        yield self.getvalue()
