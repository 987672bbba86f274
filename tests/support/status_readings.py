"""Readings of the status of a service without a problem. A test can change single sources."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from django_celery_beat.models import IntervalSchedule, PeriodicTask

from apps.common import clock
from apps.conversations.heartbeats import Heartbeat
from observability.metrics import definitions
from observability.metrics.definitions import POSTGRESQL_GAUGES, Gauge
from observability.queue_depths import Depth, QueueStatus
from operations.status.judging import judge
from operations.status.lines import Line, Report
from operations.status.outbox import OutboxReading
from operations.status.reading import Pending, Queues, Readings, Unanswered
from tasks.schedules import SCHEDULES
from tests.support.worker_reports import QUEUE, healthy_report

ONE, TWO = "celery@one", "celery@two"
MOMENT = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
SILENT = Unanswered(sentence="It did not answer within 1.8 s.")


def healthy(**changes: Any) -> Readings:
    """Return the readings of one worker that has nothing to do."""
    readings = Readings(
        queues=queues(),
        stats=stats(),
        held=held(),
        heartbeats=([heartbeat(ONE)], ""),
        pending=pending(),
        schedules=schedules(),
        migrations=[],
    )
    return replace(readings, **changes)


def heartbeat(worker: str, *, age: timedelta = timedelta(seconds=5)) -> Heartbeat:
    """Return a heartbeat of this age."""
    return Heartbeat(worker=worker, age=age, queues={QUEUE: healthy_report()})


def queues(*, events: tuple[int, int] = (0, 0), dead_letters: int = 0) -> Queues:
    """Return the depths of both queues. `events` are the waiting and the in-flight ones."""
    waiting, in_flight = events
    return Queues(
        events=QueueStatus(queue=QUEUE, depth=Depth(waiting=waiting, in_flight=in_flight)),
        dead_letters=QueueStatus(queue="dlq.fifo", depth=Depth(waiting=dead_letters, in_flight=0)),
    )


def stats(*workers: str, **changes: Any) -> dict[str, Any]:
    """Return the answers of workers to the command "stats"."""
    report = healthy_report(**changes)
    return {worker: {"consumers": {QUEUE: report}} for worker in workers or (ONE,)}


def held(*ages: float, worker: str = ONE, total: int | None = None) -> dict[str, Any]:
    """Return the answer of a worker that has held events for these seconds."""
    events = [
        {
            "message_id": f"m-{age:g}",
            "attempts": 4,
            "held_for_seconds": age,
            "queued_for_seconds": age + 1,
            "reason": "bug",
            "cause": "store.py:118 put > KeyError",
            "labels": {"group": "a1b2c3", "event_type": "message.received"},
        }
        for age in ages
    ]
    return {worker: {QUEUE: {"total": total or len(events), "events": events}}}


def pending(*values: tuple[Gauge, float], **letters: int) -> Pending:
    """Return pending work: gauges with values, and numbers of dead letters by reason."""
    gauges: dict[str, Any] = {gauge.name: {(): 0.0} for gauge in POSTGRESQL_GAUGES}
    gauges |= {gauge.name: {(): value} for gauge, value in values}
    gauges[definitions.DEAD_LETTERS_WAITING.name] = {
        (reason,): float(number) for reason, number in letters.items()
    }
    return Pending(gauges=gauges, outbox=OutboxReading(by_age=(0, 0, 0, 0), last_delivery_age=12.0))


def schedules(*, age: timedelta = timedelta(seconds=40)) -> list[PeriodicTask]:
    """Return schedules of every hour that last ran `age` ago."""
    hour = IntervalSchedule(every=1, period=IntervalSchedule.HOURS)
    return [
        PeriodicTask(name=name, task=task.name, interval=hour, last_run_at=clock.now() - age)
        for name, task in SCHEDULES.items()
    ]


def judged(readings: Readings) -> Report:
    """Return the report about these readings."""
    return judge(readings, now=MOMENT, seconds=0.3)


def lines_of(readings: Readings) -> dict[str, Line]:
    """Return the lines about these readings, by name."""
    return {line.name: line for line in judged(readings).lines}
