"""The admin site accepts only schedules that a FIFO queue supports, and audits all changes."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask

from apps.conversations.audit_models import AuditEntry
from tasks.schedules import SCHEDULES, ensure_schedules
from tests.support.admin import act, listed, operator
from tests.support.service_queue import ServiceQueue

pytestmark = pytest.mark.django_db

MODEL = "django_celery_beat_periodictask"
NAME = "Send events to the data lake"


@pytest.fixture
def client() -> Client:
    """Return a client with all permissions. The service's schedules exist."""
    ensure_schedules()
    return operator()


def the_schedule() -> PeriodicTask:
    """Return one of the schedules."""
    return PeriodicTask.objects.get(name=NAME)


def saved(client: Client, **fields: Any) -> Any:
    """Submit the form of a schedule with these changes. Return the response."""
    schedule = the_schedule()
    form = {
        "name": NAME,
        "task": schedule.task,
        "enabled": "on",
        "description": "",
        "interval": schedule.interval_id,
        "crontab": "",
        "start_time_0": "",
        "start_time_1": "",
        **fields,
    }
    url = reverse(f"admin:{MODEL}_change", args=[schedule.pk])
    return client.post(url, form, secure=True)


def interval_of(interval: IntervalSchedule) -> tuple[int, str]:
    """Return the number and the unit of a stored interval."""
    interval.refresh_from_db()
    return interval.every, interval.period


def log() -> list[tuple[str, str, Any]]:
    """Return the entries of the audit log."""
    rows = AuditEntry.objects.exclude(action="login").order_by("id")
    return [(one.action, one.object_id, one.detail) for one in rows]


def test_all_schedules_of_the_service_are_listed_and_can_be_opened(client: Client) -> None:
    schedules = listed(client, MODEL)

    assert {one.name for one in schedules} >= set(SCHEDULES)
    for one in schedules:
        page = client.get(reverse(f"admin:{MODEL}_change", args=[one.pk]), secure=True)
        assert "A FIFO queue supports no delay" in page.content.decode()


def test_changing_an_interval_is_audited(client: Client) -> None:
    slower = IntervalSchedule.objects.create(every=5, period=IntervalSchedule.MINUTES)

    assert saved(client, interval=slower.pk).status_code == 302

    assert the_schedule().interval == slower
    assert log() == [("change", str(the_schedule().pk), {"fields": ["Interval Schedule"]})]


def test_a_form_ignores_options_that_a_fifo_queue_does_not_support(client: Client) -> None:
    saved(client, priority="5", queue="other", expire_seconds="30", args='["x"]', one_off="on")

    schedule = the_schedule()
    assert (schedule.priority, schedule.queue, schedule.expire_seconds) == (None, None, None)
    assert (schedule.args, schedule.one_off) == ("[]", False)


@pytest.mark.parametrize("field", [{"priority": 5}, {"expire_seconds": 9}, {"args": '["x"]'}])
def test_a_schedule_with_unsupported_options_can_only_be_viewed_and_deleted(
    client: Client, field: dict[str, Any]
) -> None:
    PeriodicTask.objects.filter(name=NAME).update(**field)

    assert saved(client).status_code == 403
    url = reverse(f"admin:{MODEL}_delete", args=[the_schedule().pk])
    assert client.post(url, {"post": "yes"}, secure=True).status_code == 302
    assert not PeriodicTask.objects.filter(name=NAME).exists()


def test_a_task_that_beat_must_not_send_is_refused(client: Client) -> None:
    before = the_schedule().task

    assert saved(client, task="tasks.closing.close_conversation").status_code == 200

    assert the_schedule().task == before


def test_a_short_interval_is_refused(client: Client) -> None:
    often = IntervalSchedule.objects.create(every=1, period=IntervalSchedule.SECONDS)

    answer = saved(client, interval=often.pk)
    assert "The shortest interval is 10s." in answer.content.decode()

    url = reverse("admin:django_celery_beat_intervalschedule_change", args=[often.pk])
    answer = client.post(url, {"interval": "9s"}, secure=True)
    assert "is not a possible interval: it must be from 10s to 365d." in answer.content.decode()
    assert interval_of(often) == (1, "seconds")


@pytest.mark.parametrize(
    ("entered", "stored"),
    [
        ("90s", (90, "seconds")),
        ("30m", (30, "minutes")),
        ("1h30m", (90, "minutes")),
        ("00:00:45", (45, "seconds")),
        ("24h", (1, "days")),
    ],
)
def test_an_interval_is_entered_and_shown_with_units(
    client: Client, entered: str, stored: tuple[int, str]
) -> None:
    one = IntervalSchedule.objects.create(every=77, period=IntervalSchedule.SECONDS)
    url = reverse("admin:django_celery_beat_intervalschedule_change", args=[one.pk])

    assert 'value="1m17s"' in client.get(url, secure=True).content.decode()
    assert client.post(url, {"interval": entered}, secure=True).status_code == 302

    assert interval_of(one) == stored


@pytest.mark.parametrize("entered", ["", "none", "90", "1 hour", "0s"])
def test_an_interval_without_a_unit_is_refused(client: Client, entered: str) -> None:
    url = reverse("admin:django_celery_beat_intervalschedule_add")
    before = IntervalSchedule.objects.count()

    assert client.post(url, {"interval": entered}, secure=True).status_code == 200

    assert IntervalSchedule.objects.count() == before


def test_the_lists_and_the_form_show_intervals_with_units(client: Client) -> None:
    slower = IntervalSchedule.objects.create(every=5400, period=IntervalSchedule.SECONDS)
    PeriodicTask.objects.filter(name=NAME).update(interval=slower)
    schedule = reverse(f"admin:{MODEL}_change", args=[the_schedule().pk])

    for address, text in (
        (reverse(f"admin:{MODEL}_changelist"), ">every 1h30m<"),
        (reverse("admin:django_celery_beat_intervalschedule_changelist"), ">1h30m<"),
        (schedule, ">every 1h30m</option>"),
    ):
        assert text in client.get(address, secure=True).content.decode()


def test_a_crontab_in_another_zone_than_utc_is_refused(client: Client) -> None:
    local = CrontabSchedule.objects.create(minute="0", timezone="America/New_York")

    assert "Crontabs must be in UTC." in saved(client, crontab=local.pk).content.decode()

    form = dict.fromkeys(("minute", "hour", "day_of_month", "month_of_year"), "*")
    form |= {"day_of_week": "*", "timezone": "America/New_York"}
    url = reverse("admin:django_celery_beat_crontabschedule_add")
    assert "Crontabs must be in UTC." in client.post(url, form, secure=True).content.decode()
    assert CrontabSchedule.objects.count() == 1

    assert client.post(url, {**form, "timezone": "UTC"}, secure=True).status_code == 302
    in_utc = CrontabSchedule.objects.exclude(pk=local.pk).get()
    assert saved(client, interval="", crontab=in_utc.pk).status_code == 302


def test_schedules_can_be_disabled_and_enabled(client: Client) -> None:
    schedule = the_schedule()

    assert act(client, MODEL, "disable_selected", schedule) == [
        "1 disabled. Beat reads the change within seconds."
    ]
    assert not the_schedule().enabled
    assert (
        act(client, MODEL, "enable_selected", schedule)[-1]
        == "1 enabled. Beat reads the change within seconds."
    )
    assert the_schedule().enabled

    assert log() == [
        ("change", str(schedule.pk), {"schedule": NAME, "enabled": False}),
        ("change", str(schedule.pk), {"schedule": NAME, "enabled": True}),
    ]


def test_a_schedule_can_be_run_at_once(client: Client, queue: ServiceQueue) -> None:
    schedule = the_schedule()

    assert act(client, MODEL, "run_selected", schedule) == [
        f"{NAME} was sent. A worker will run it soon."
    ]

    assert [one.is_celery for one in queue.deliveries()] == [True]
    assert log() == [("run", str(schedule.pk), {"schedule": NAME, "task": schedule.task})]


def test_an_unavailable_queue_is_reported_in_a_sentence(
    client: Client, queue: ServiceQueue
) -> None:
    queue.strict.fail(status=503, code="ServiceUnavailable", actions=["SendMessage"])

    (output,) = act(client, MODEL, "run_selected", the_schedule())

    assert output.startswith(f"{NAME} was not sent: ")
    queue.strict.clear_faults()


def test_users_with_view_permission_only_cannot_change_anything(queue: ServiceQueue) -> None:
    ensure_schedules()
    client = operator("view_periodictask")

    for action in ("enable_selected", "disable_selected", "run_selected"):
        act(client, MODEL, action, the_schedule())

    assert the_schedule().enabled
    assert queue.deliveries() == []
    assert log() == []
