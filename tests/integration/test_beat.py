"""Beat goes on while PostgreSQL is away."""

from typing import Any

import pytest
from celery import current_app
from django.db import OperationalError
from django_celery_beat.models import PeriodicTask

from operations.scheduler import PatientScheduler
from tasks.schedules import EVERY_MINUTE, ensure_schedules

pytestmark = pytest.mark.django_db(transaction=True)


class Away:
    """In the place of the query for the schedules."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self) -> Any:
        self.asked += 1
        raise OperationalError("connection refused")


def test_beat_keeps_its_schedules_if_postgresql_fails_while_it_reads_them_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ensure_schedules()
    scheduler = PatientScheduler(app=current_app, lazy=False)
    assert set(scheduler.schedule) == set(EVERY_MINUTE)
    away = Away()

    with monkeypatch.context() as outage:
        outage.setattr(PatientScheduler, "enabled_models", away)
        switch_off("Tell the data lake")
        assert set(scheduler.schedule) == set(EVERY_MINUTE)
    assert away.asked == 1

    switch_off("Collect dead letters")
    assert set(scheduler.schedule) == set(EVERY_MINUTE) - {
        "Tell the data lake",
        "Collect dead letters",
    }


def test_beat_without_any_schedules_ends_to_be_started_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(PatientScheduler, "enabled_models", Away())

    with pytest.raises(OperationalError):
        PatientScheduler(app=current_app, lazy=False)


def switch_off(name: str) -> None:
    """As an operator does in the admin site; beat finds out by the time of the last change."""
    schedule = PeriodicTask.objects.get(name=name)
    schedule.enabled = False
    schedule.save()
