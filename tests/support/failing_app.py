"""The service's own Celery app with bugs, for tests of error reports.

`celery -A tests.support.failing_app worker` is `celery -A config worker` with these differences:
storing a message fails if its text begins with BUG or DOWN, and kills the process if it begins with
DIE. In the main process, classifying an event of the type UNREADABLE fails.
"""

import os
import signal
from dataclasses import replace
from functools import cache
from typing import Any

from celery import signals

from apps.common.errors import Unavailable
from config.celery import app

__all__ = ("app",)

BUG = "bug"
DOWN = "down"
DIE = "die"
UNREADABLE = "message.unreadable"

app.conf.broker_transport_options["consumer"]["wait_time"] = 1
# How long the pool waits for the result of a process that has ended, in seconds.
app.conf.worker_lost_wait = 0.2


@signals.import_modules.connect
def prepare(**_signal: Any) -> None:
    """Install the bugs after config.celery has set up Django, and before the pool is forked."""
    _prepare_once()


@cache
def _prepare_once() -> None:
    from apps.messages import store
    from tasks.event_rules import RULES

    def is_barrier(document: Any) -> bool:
        """Apply the service's rule, with a bug whose error quotes the document."""
        if isinstance(document, dict) and document.get("event_type") == UNREADABLE:
            raise ValueError(document)
        return RULES.is_barrier(document)

    app.conf.broker_transport_options["event_rules"] = replace(RULES, is_barrier=is_barrier)
    put, put_all = store.put, store.put_all

    def fail_if_requested(entry: Any) -> None:
        text = str(entry.message["text"])
        if text.startswith(BUG):
            raise ValueError(f"Key (text)=({text}) already exists.")
        if text.startswith(DIE):
            os.kill(os.getpid(), signal.SIGKILL)
        if text.startswith(DOWN):
            raise Unavailable("DynamoDB", "ThrottlingException")

    def failing_put(*, entry: Any, **others: Any) -> Any:
        fail_if_requested(entry)
        return put(entry=entry, **others)

    def failing_put_all(*, entries: Any, **others: Any) -> Any:
        for _, entry in entries:
            fail_if_requested(entry)
        return put_all(entries=entries, **others)

    store.put = failing_put
    store.put_all = failing_put_all
