"""Beat continues while PostgreSQL is unavailable, and after a clock was wrong."""

import json
from datetime import datetime, timedelta
from typing import Any

import kombu.exceptions
import pytest
import time_machine
from botocore.exceptions import EndpointConnectionError
from celery import current_app
from django.db import OperationalError, connection
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from apps.common.clock import now
from operations.scheduler import ResilientScheduler
from tasks.schedules import SCHEDULES, ensure_schedules
from tasks.waiting_work import Asking
from tests.support.logs import production_formatter

pytestmark = pytest.mark.django_db(transaction=True)


class Away:
    """Replaces the query for the schedules, and always fails."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> Any:
        self.calls += 1
        raise OperationalError("connection refused")


def test_beat_keeps_its_schedules_if_postgresql_fails_during_a_reload(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ensure_schedules()
    scheduler = ResilientScheduler(app=current_app, lazy=False)
    assert set(scheduler.schedule) == set(SCHEDULES)
    away = Away()

    with monkeypatch.context() as outage:
        outage.setattr(ResilientScheduler, "enabled_models", away)
        switch_off("Send events to the data lake")
        assert set(scheduler.schedule) == set(SCHEDULES)
    assert away.calls == 1

    switch_off("Collect dead letters")
    assert set(scheduler.schedule) == set(SCHEDULES) - {
        "Send events to the data lake",
        "Collect dead letters",
    }


def test_beat_ends_if_postgresql_fails_before_the_first_schedules(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ResilientScheduler, "enabled_models", Away())

    with pytest.raises(SystemExit, match=r"manage\.py doctor"):
        ResilientScheduler(app=current_app, lazy=False)


def test_a_task_that_cannot_be_sent_is_logged_without_the_text_of_the_error(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_arguments: Any, **_options: Any) -> None:
        try:
            raise EndpointConnectionError(endpoint_url="http://user:password@127.0.0.1:9/")
        except EndpointConnectionError as error:
            # As kombu does.
            raise kombu.exceptions.OperationalError(str(error)) from error

    ensure_schedules()
    scheduler = ResilientScheduler(app=current_app, lazy=False)
    name, task = next(iter(SCHEDULES.items()))
    monkeypatch.setattr(task, "apply_async", refuse)
    monkeypatch.setattr(Asking, "has_work", lambda _asking, _task: True)
    caplog.set_level("WARNING")

    scheduler.apply_entry(scheduler.schedule[name])

    (record,) = caplog.records
    assert record.exc_info
    assert (record.getMessage(), vars(record)["schedule"], record.exc_info[0]) == (
        "scheduled_task_not_sent",
        name,
        EndpointConnectionError,
    )
    line = json.loads(production_formatter().format(record))
    assert line["error"].endswith("refuse > EndpointConnectionError")
    assert "password" not in json.dumps(line)


class RecordingScheduler(ResilientScheduler):
    """Records when tasks are due, and sends nothing."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self.sent: list[datetime] = []
        super().__init__(*arguments, **options)

    def apply_entry(self, entry: Any, producer: Any = None) -> None:
        """Record that a task would be sent now."""
        self.sent.append(now())


@pytest.fixture
def hourly() -> PeriodicTask:
    """Return the only schedule, which is due every hour."""
    every_hour = IntervalSchedule.objects.create(every=1, period=IntervalSchedule.HOURS)
    name, task = next(iter(SCHEDULES.items()))
    return PeriodicTask.objects.create(name=name, task=task.name, interval=every_hour)


def beat_for(scheduler: RecordingScheduler, traveller: Any, *, minutes: int) -> None:
    """Tick once a minute, and save the schedules every three minutes, as beat does."""
    for minute in range(minutes):
        traveller.shift(timedelta(minutes=1))
        while scheduler.tick() == 0:
            pass
        if minute % 3 == 2:
            scheduler.sync()
    scheduler.sync()


def test_a_schedule_whose_last_run_is_in_the_future_is_still_sent(hourly: PeriodicTask) -> None:
    start = now()
    PeriodicTask.objects.update(last_run_at=start + timedelta(days=2))

    with time_machine.travel(start, tick=False) as traveller:
        scheduler = RecordingScheduler(app=current_app, lazy=False)
        # Beat reads all schedules again every five minutes.
        beat_for(scheduler, traveller, minutes=125)

    assert [(sent - start) // timedelta(minutes=1) for sent in scheduler.sent] == [60, 120]
    hourly.refresh_from_db()
    assert hourly.last_run_at == start + timedelta(hours=2)


def test_beat_sends_its_tasks_immediately_after_its_clock_was_set_back(
    hourly: PeriodicTask,
) -> None:
    start = now()

    with time_machine.travel(start, tick=False) as traveller:
        scheduler = RecordingScheduler(app=current_app, lazy=False)
        beat_for(scheduler, traveller, minutes=61)
        traveller.move_to(start - timedelta(days=1), tick=False)
        scheduler.sent.clear()
        beat_for(scheduler, traveller, minutes=62)

    assert [sent - start for sent in scheduler.sent] == [timedelta(days=-1, hours=1, minutes=1)]


def test_a_last_run_in_the_future_is_corrected_while_postgresql_is_read_only(
    hourly: PeriodicTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = now()
    PeriodicTask.objects.update(last_run_at=start + timedelta(days=2))

    def refuse(_model: Any, **_options: Any) -> None:
        raise OperationalError("cannot execute UPDATE in a read-only transaction")

    monkeypatch.setattr(PeriodicTask, "save", refuse)
    with time_machine.travel(start, tick=False) as traveller:
        scheduler = RecordingScheduler(app=current_app, lazy=False)
        beat_for(scheduler, traveller, minutes=61)

    assert len(scheduler.sent) == 1


def switch_off(name: str) -> None:
    """Disable a schedule as the admin site does. Beat notices it by the time of the last change."""
    schedule = PeriodicTask.objects.get(name=name)
    schedule.enabled = False
    schedule.save()


def test_last_runs_are_saved_in_a_new_session_after_a_failover(hourly: PeriodicTask) -> None:
    start = now()

    with time_machine.travel(start, tick=False) as traveller:
        scheduler = RecordingScheduler(app=current_app, lazy=False)
        with connection.cursor() as cursor:
            cursor.execute("SET default_transaction_read_only = on")
        beat_for(scheduler, traveller, minutes=61)
        scheduler.sync()

    hourly.refresh_from_db()
    assert hourly.last_run_at == start + timedelta(hours=1)
