"""A small Celery app on celery_sqs_fifo, without this service's code, that fails on request.

The body of an event is that of `testbed.steps`, with an `"event_type"`. `_make` implements the
failures.
"""

import errno
import json
import os
import time
from functools import partial
from pathlib import Path
from typing import Any

import psutil
from botocore.exceptions import BotoCoreError
from celery import signals
from kombu.asynchronous import get_event_loop
from kombu.entity import Queue

from celery_sqs_fifo import (
    Backoff,
    BatchItem,
    ControlledCelery,
    EventRules,
    EventTask,
    FifoTask,
    Outcome,
    PointerForm,
    Result,
    bug_outcome,
    process_each,
)
from testbed.steps import QUEUE, STEPS, fail, note, perform

JOURNAL = Path(os.environ["JOURNAL"])
OPTIONS = json.loads(os.environ.get("CONSUMER_OPTIONS", "{}"))


class Invalid(Exception):
    """The event can never succeed."""


class Unavailable(Exception):
    """A dependency is down."""


def outcome_of(error: Exception) -> Outcome:
    """Return the outcome of an error, as an application does."""
    if isinstance(error, Invalid):
        return Outcome(Result.INVALID, "invalid", "requested by the event")
    if isinstance(error, Unavailable):
        return Outcome(Result.UNAVAILABLE, "unavailable", "requested by the event")
    return bug_outcome(error)


def is_event(document: Any) -> bool:
    """Return whether a document has an event type, as all events do."""
    return isinstance(document, dict) and "event_type" in document


def is_barrier(document: Any) -> bool:
    """Return whether a document is an event of the type `barrier`."""
    return is_event(document) and document["event_type"] == "barrier"


def goes_alone(document: Any) -> bool:
    """Return whether a document is an event of the type `alone`."""
    return is_event(document) and document["event_type"] == "alone"


app = ControlledCelery("fifo_app", broker="sqs://", fixups=[])
app.conf.update(
    broker_transport="celery_sqs_fifo.transport:Transport",
    broker_transport_options={
        "region": "us-east-1",
        "predefined_queues": {QUEUE: {"url": os.environ["QUEUE_URL"]}},
        "event_rules": EventRules(
            chain=STEPS,
            is_event=is_event,
            is_barrier=is_barrier,
            goes_alone=goes_alone,
        ),
        "consumer": {
            "dead_letter_queue_url": os.environ["DLQ_URL"],
            "backoff": Backoff(first=0.05, longest=0.5),
            "probe_backoff": Backoff(first=0.05, longest=0.5),
            "wait_time": 1,
            **OPTIONS,
        },
    },
    broker_connection_retry_on_startup=True,
    task_queues=(Queue(QUEUE, routing_key=QUEUE),),
    task_default_queue=QUEUE,
    worker_prefetch_multiplier=1,
    worker_enable_remote_control=False,
    control_broker_url=os.environ.get("CONTROL_URL", ""),
    control_broker_setting="CONTROL_URL",
    worker_send_task_events=bool(os.environ.get("CONTROL_URL")),
    # How long the pool waits for the result of a process that has ended, in seconds.
    worker_lost_wait=0.2,
    task_time_limit=float(os.environ.get("TIME_LIMIT", "0")) or None,
    task_soft_time_limit=float(os.environ.get("SOFT_TIME_LIMIT", "0")) or None,
)


class _Step(EventTask):
    abstract = True

    def outcome_of(self, error: Exception) -> Outcome:
        return outcome_of(error)

    def run(self, batch: list[BatchItem]) -> None:
        process_each(batch, self._perform, outcome_of=outcome_of)

    def _perform(self, item: BatchItem) -> None:
        perform(step=self.name, event=json.loads(item.event.body), fail_with=_make)


class Tick(FifoTask):
    name = "tick"
    pointer = PointerForm.NO_ARGUMENTS
    message_group = "ticks"

    def run(self) -> None:
        note("did tick ticks 0")


class Secret(FifoTask):
    """A task that is not a pointer: no message on the queue may run it."""

    name = "secret"

    def run(self) -> None:
        note("did secret secrets 0")


class Probe(FifoTask):
    """A probe that fails while the file DOWN exists."""

    name = "probe"

    def outcome_of(self, error: Exception) -> Outcome:
        return outcome_of(error)

    def run(self) -> None:
        if JOURNAL.with_name("DOWN").exists():
            raise Unavailable
        note("did probe probes 0")


for _name in STEPS:
    app.register_task(type(_name, (_Step,), {"name": _name})())
for _task in (Tick, Secret, Probe):
    app.register_task(_task())


@signals.celeryd_init.connect
def _fail_on_the_event_loop(**_signal: Any) -> None:
    """Raise LOOP_ERROR once the file FAIL exists, in the kind of callback that the file names."""
    if name := os.environ.get("LOOP_ERROR"):
        signals.worker_ready.connect(partial(_fail_on_request, _LOOP_ERRORS[name]), weak=False)


@signals.worker_ready.connect
def _refuse_forks(**_signal: Any) -> None:
    """Make forks of the main process fail while the file NO_FORK exists, as at a process limit."""
    fork = os.fork

    def refuse_or_fork() -> int:
        if JOURNAL.with_name("NO_FORK").exists():
            raise _LOOP_ERRORS["fork refused"]
        return fork()

    os.fork = refuse_or_fork


@signals.worker_ready.connect
def _kill_first_processes(**_signal: Any) -> None:
    """Kill the pool processes of a starting worker if the file KILL_POOL exists, and remove it."""
    file = JOURNAL.with_name("KILL_POOL")
    if file.exists():
        file.unlink()
        for process in psutil.Process().children():
            process.kill()
            while process.status() != psutil.STATUS_ZOMBIE:
                time.sleep(0.01)


def _fail_on_request(error: Exception, **_signal: Any) -> None:
    hub: Any = get_event_loop()
    file = JOURNAL.with_name("FAIL")

    def fail() -> None:
        raise error

    def read(read_fd: int) -> None:
        hub.remove(read_fd)
        os.close(read_fd)
        raise error

    def look() -> None:
        # Celery keeps timers when it restarts the consumer, so this one continues.
        hub.call_later(0.1, look)
        if not file.exists():
            return
        where = file.read_text()
        file.unlink()
        if where == "callback":
            hub.call_soon(fail)
        elif where == "timer":
            hub.call_later(0, fail)
        else:
            read_fd, write_fd = os.pipe()
            hub.add_reader(read_fd, read, read_fd)
            os.close(write_fd)

    look()


_LOOP_ERRORS: dict[str, Exception] = {
    "own descriptor": OSError(errno.EBADF, "Bad file descriptor"),
    "fork refused": BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable"),
    "connection lost": BotoCoreError(),
}


def _make(what: str) -> None:
    match what.split(":"):
        case ["bug-while", name]:
            if JOURNAL.with_name(name).exists():
                raise RuntimeError("an unexpected error")
        case ["invalid"]:
            raise Invalid
        case ["unavailable"]:
            raise Unavailable
        case ["unavailable-while-down"]:
            if JOURNAL.with_name("DOWN").exists():
                raise Unavailable
        case ["sleep", seconds]:
            time.sleep(float(seconds))
        case _:
            fail(what)
