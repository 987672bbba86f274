"""The findings of `manage.py doctor` about beat and clocks."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask

from apps.common.clock import now
from operations.doctor import beat, clocks
from operations.doctor.findings import Finding, Status
from tasks.closing import close_due_conversations
from tasks.schedules import SCHEDULES, ensure_schedules

CLOSING = "beat.close_due_conversations"


def of_beat() -> dict[str, Finding]:
    """Return the findings about beat, by check."""
    return {finding.check: finding for finding in beat.check()}


def of_clocks() -> dict[str, Finding]:
    """Return the findings about clocks, by check."""
    return {finding.check: finding for finding in clocks.check()}


@pytest.fixture
def schedules(db: None) -> Any:
    """Provision the schedules, each with a recent run. Return the schedule of closing."""
    ensure_schedules()
    PeriodicTask.objects.update(last_run_at=now() - timedelta(seconds=30))
    return PeriodicTask.objects.filter(task=close_due_conversations.name)


def test_beat_that_ticks_is_ok(schedules: Any) -> None:
    findings = of_beat()

    assert len(findings) == len(SCHEDULES)
    assert {finding.status for finding in findings.values()} == {Status.OK}


@pytest.mark.parametrize(("minutes", "status"), [(4, Status.OK), (6, Status.ERROR)])
def test_a_tick_older_than_five_minutes_is_found(
    schedules: Any, minutes: int, status: Status
) -> None:
    schedules.update(last_run_at=now() - timedelta(minutes=minutes))

    finding = of_beat()[CLOSING]

    assert finding.status is status
    assert finding.found.startswith(f"The schedule last ran {minutes}m")
    assert ("celery -A config beat" in finding.remedy) == (status is Status.ERROR)


@pytest.mark.parametrize(("hours", "status"), [(1, Status.OK), (2, Status.ERROR)])
def test_a_schedule_with_a_longer_interval_is_late_only_after_that_interval(
    schedules: Any, hours: int, status: Status
) -> None:
    hourly = IntervalSchedule.objects.create(every=1, period=IntervalSchedule.HOURS)
    schedules.update(interval=hourly, last_run_at=now() - timedelta(hours=hours))

    assert of_beat()[CLOSING].status is status


def test_a_crontab_schedule_is_late_when_its_time_has_passed(schedules: Any) -> None:
    nightly = CrontabSchedule.objects.create(minute="0", hour="3", timezone="UTC")
    yesterday_at_three = now().replace(hour=3, minute=0, second=0) - timedelta(days=1)
    schedules.update(interval=None, crontab=nightly, last_run_at=yesterday_at_three)

    with time_machine.travel(yesterday_at_three + timedelta(hours=23), tick=False):
        early = of_beat()[CLOSING]
    with time_machine.travel(yesterday_at_three + timedelta(hours=25), tick=False):
        late = of_beat()[CLOSING]

    assert (early.status, late.status) == (Status.OK, Status.ERROR)


def test_a_last_run_in_the_future_is_an_error(schedules: Any) -> None:
    schedules.update(last_run_at=now() + timedelta(hours=1, seconds=1))

    finding = of_beat()[CLOSING]

    assert finding.status is Status.ERROR
    assert finding.found.startswith("The last run of the schedule is 1h")
    assert "timedatectl set-ntp true" in finding.remedy


def test_clocks_that_differ_by_a_second_are_not_an_error(schedules: Any) -> None:
    schedules.update(last_run_at=now() + timedelta(seconds=2))

    assert of_beat()[CLOSING].status is Status.OK


def test_a_crontab_in_a_zone_with_daylight_saving_time_is_found(schedules: Any) -> None:
    local = CrontabSchedule.objects.create(minute="*/10", timezone="America/New_York")
    schedules.update(interval=None, crontab=local)

    finding = of_beat()[CLOSING]

    assert finding.status is Status.WARNING
    assert "zone America/New_York" in finding.found
    assert "UTC" in finding.remedy


def test_celery_skips_an_hour_in_autumn_in_a_zone_with_daylight_saving_time() -> None:
    """This is why the doctor warns about such zones. If this test fails, remove the warning."""
    local = CrontabSchedule(minute="*/10", timezone=ZoneInfo("America/New_York")).schedule
    last_run = datetime(2026, 11, 1, 5, 55, tzinfo=UTC)
    with time_machine.travel(last_run + timedelta(minutes=60), tick=False):
        assert not local.is_due(last_run).is_due
    with time_machine.travel(last_run + timedelta(minutes=66), tick=False):
        assert local.is_due(last_run).is_due


def test_beat_that_never_ran_is_found(schedules: Any) -> None:
    schedules.update(last_run_at=None, date_changed=now() - timedelta(hours=1))

    finding = of_beat()[CLOSING]

    assert finding.status is Status.ERROR
    assert finding.found == "The schedule has never run and is 1h old."
    assert finding.remedy.startswith("If beat is not running, start it: celery -A config beat.")


def test_schedules_that_were_just_made_have_time_to_run(schedules: Any) -> None:
    PeriodicTask.objects.update(last_run_at=None, date_changed=now() - timedelta(minutes=1))

    finding = of_beat()[CLOSING]

    assert finding.status is Status.WARNING
    assert finding.found == "The schedule has not run yet. It was created or changed 1m ago."


@pytest.mark.parametrize(("since_creation", "status"), [(1, Status.OK), (-1, Status.WARNING)])
def test_a_schedule_that_is_not_due_yet_is_ok_if_beat_has_run_another_one_since_it_was_made(
    schedules: Any, since_creation: int, status: Status
) -> None:
    made_at = now() - timedelta(minutes=2)
    PeriodicTask.objects.update(last_run_at=made_at + timedelta(minutes=since_creation))
    schedules.update(last_run_at=None, date_changed=made_at)

    assert of_beat()[CLOSING].status is status


def test_a_missing_schedule_is_found(schedules: Any) -> None:
    schedules.delete()

    finding = of_beat()[CLOSING]

    assert finding.status is Status.ERROR
    assert finding.found == 'The schedule "Close conversations that are due" is missing.'
    assert finding.remedy == "Run: python manage.py provision"


def test_a_disabled_schedule_is_found(schedules: Any) -> None:
    schedules.update(enabled=False)

    finding = of_beat()[CLOSING]

    assert finding.status is Status.WARNING
    assert finding.found == "The schedule is disabled."
    assert "admin site" in finding.remedy


def test_a_renamed_schedule_is_recognized_by_its_task(schedules: Any) -> None:
    schedules.update(name="Ours")

    assert of_beat()[CLOSING].status is Status.OK


@pytest.mark.django_db
@pytest.mark.usefixtures("aws")
def test_clocks_that_agree_are_ok() -> None:
    assert {finding.status for finding in of_clocks().values()} == {Status.OK}


@pytest.mark.django_db
@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize(
    ("seconds", "status", "where"),
    [
        (600, Status.ERROR, "ahead of"),
        (-600, Status.ERROR, "behind"),
        (20, Status.WARNING, "ahead of"),
    ],
)
def test_a_clock_that_is_wrong_is_found(seconds: int, status: Status, where: str) -> None:
    with time_machine.travel(now() + timedelta(seconds=seconds), tick=True):
        findings = of_clocks()

    for finding in findings.values():
        assert finding.status is status
        assert where in finding.found
        assert "timedatectl set-ntp true" in finding.remedy
    assert f"{abs(seconds)} s {where} PostgreSQL's" in findings["clocks.postgresql"].found


@pytest.mark.usefixtures("aws", "db")
def test_clocks_are_also_compared_by_a_refused_call(settings: Any) -> None:
    settings.SQS_CONVERSATION_QUEUE_URL += "-nowhere.fifo"

    assert of_clocks()["clocks.aws"].status is Status.OK
