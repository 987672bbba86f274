"""Beat continues while PostgreSQL is unavailable."""

from typing import Any

import pytest
from celery import current_app
from django.db import OperationalError
from django_celery_beat.models import PeriodicTask

from operations.scheduler import ResilientScheduler
from tasks.schedules import EVERY_MINUTE, ensure_schedules

pytestmark = pytest.mark.django_db(transaction=True)


class Away:
    """Replaces the query for the schedules and fails."""

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
    assert set(scheduler.schedule) == set(EVERY_MINUTE)
    away = Away()

    with monkeypatch.context() as outage:
        outage.setattr(ResilientScheduler, "enabled_models", away)
        switch_off("Tell the data lake")
        assert set(scheduler.schedule) == set(EVERY_MINUTE)
    assert away.calls == 1

    switch_off("Collect dead letters")
    assert set(scheduler.schedule) == set(EVERY_MINUTE) - {
        "Tell the data lake",
        "Collect dead letters",
    }


def test_beat_ends_if_postgresql_fails_before_the_first_schedules(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ResilientScheduler, "enabled_models", Away())

    with pytest.raises(OperationalError):
        ResilientScheduler(app=current_app, lazy=False)


def switch_off(name: str) -> None:
    """Disable a schedule as the admin site does. Beat notices it by the time of the last change."""
    schedule = PeriodicTask.objects.get(name=name)
    schedule.enabled = False
    schedule.save()
