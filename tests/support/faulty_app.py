"""The service's own Celery app, with faults at points that a test chooses.

`celery -A tests.support.faulty_app worker` is `celery -A config worker` with small pages and
batches, so that a few messages make many batches; the same goes for `beat`. The environment
variable FAULT_PLAN is the path of the plan that tests.support.fault_points.arm has written.
"""

import os
from collections.abc import Callable, Mapping
from functools import cache, wraps
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

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
    "release the claim": "apps.conversations.closing:give_back",
    "close": "apps.conversations.closing:close_if_due",
    "close by event": "apps.conversations.services:close",
    "store": "apps.messages.message_table:put_new",
    "merge": "apps.messages.archive:merge",
    "mark archived": "django.db.models.query:QuerySet.update",
    "claim checks": "apps.conversations.archive_checks:claim",
    "complete check": "apps.conversations.archive_checks:complete",
    "send to the lake": "apps.analytics.datalake.files:FileDataLake.send",
    "record the delivery": "apps.analytics.outbox:_record_delivery",
    "acknowledge": "celery_sqs_fifo.consuming.acks:Acks._send",
    "process the answer to the delete": "celery_sqs_fifo.consuming.acks:Acks._apply_answer",
    "send tick": "django_celery_beat.schedulers:DatabaseScheduler.apply_async",
    "save tick": "django_celery_beat.schedulers:DatabaseScheduler.sync",
}

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
