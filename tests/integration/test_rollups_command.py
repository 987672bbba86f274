"""Beat, `manage.py rollups` and the doctor keep the daily rollups."""

import io
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django_celery_beat.models import PeriodicTask

from apps.analytics.rollup_models import DailyRollup, RollupMark, RollupState
from apps.common import clock
from apps.conversations.models import Conversation
from operations.doctor import rollups as doctor
from operations.doctor.findings import Status
from tasks import rollups as tasks
from tasks.schedules import ensure_schedules
from tests.support.builders import PROJECT
from tests.support.figures import answers, closed, made_project
from tests.support.rollups import roll_up

pytestmark = pytest.mark.django_db(transaction=True)

DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _past_days(db: None) -> None:
    """Store a conversation and an answer on each of three days a month ago."""
    made_project(timezone="America/Sao_Paulo")
    for days in (30, 31, 32):
        at = clock.now() - days * DAY
        closed(at, opened_at=at, contact_wrote=True)
        answers([days % 5 + 1], at=at)


@pytest.fixture
def queued(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """A list that gets an entry for each run that a run queues."""
    queued: list[Any] = []
    monkeypatch.setattr(tasks.keep_rollups, "apply_async", lambda **given: queued.append(given))
    monkeypatch.setattr(tasks, "close_old_connections", lambda: None)
    return queued


def run(*arguments: str) -> str:
    """Run the command and return what it prints."""
    out = io.StringIO()
    call_command("rollups", *arguments, stdout=out)
    return out.getvalue()


def damage() -> None:
    """Change a rollup of each day, as no code does."""
    for row in DailyRollup.objects.exclude(project=None):
        row.numbers = [number + 1 for number in row.numbers]
        row.save()


def states() -> dict[str, Status]:
    """Return the states of the doctor's checks."""
    return {finding.check: finding.status for finding in doctor.check()}


def test_a_run_rolls_up_the_days_that_are_over(queued: list[Any]) -> None:
    roll_up(until=clock.now() - 40 * DAY)

    tasks.keep_rollups()

    days = set(DailyRollup.objects.exclude(project=None).values_list("day", flat=True))
    assert len(days) == 3
    complete_before = RollupState.objects.get().complete_before
    assert clock.now().date() - 5 * DAY < complete_before < clock.now().date() - DAY
    assert not queued


def test_a_run_is_bounded_and_queues_the_next_one(
    queued: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    roll_up(until=clock.now() - 40 * DAY)
    monkeypatch.setattr(tasks, "MAX_PAGES", 2)

    tasks.keep_rollups()
    assert RollupState.objects.get().complete_before < clock.now().date() - 14 * DAY
    assert len(queued) == 1

    for _ in range(4):
        tasks.keep_rollups()
    assert RollupState.objects.get().complete_before > clock.now().date() - 5 * DAY
    assert len({given["deduplication_id"] for given in queued}) == len(queued) < 5


def test_a_changed_day_is_rolled_up_again(queued: list[Any]) -> None:
    tasks.keep_rollups()
    tasks.keep_rollups()
    Conversation.objects.update(csat=5)
    assert RollupMark.objects.exists()

    tasks.keep_rollups()

    assert not RollupMark.objects.exists()
    assert states() == {doctor.COMPLETE: Status.OK, doctor.EQUAL: Status.OK}


def test_beat_starts_it_every_hour() -> None:
    ensure_schedules()

    schedule = PeriodicTask.objects.get(task="tasks.rollups.keep_rollups")
    assert schedule.interval.schedule.run_every == timedelta(hours=1)


def test_the_command_rolls_up_and_says_how_far() -> None:
    assert "All days before" in run()
    assert run("--check").endswith("days of 1 project checked.\n")


def test_the_command_finds_differences_and_rebuilds() -> None:
    run()
    damage()

    out = io.StringIO()
    with pytest.raises(CommandError, match=r"differences found.*--rebuild"):
        call_command("rollups", "--check", stdout=out)
    assert out.getvalue().count(f" of {PROJECT} differs from its rows.") == 3

    run("--rebuild", "--project", str(PROJECT))

    assert "differs" not in run("--check")


def test_the_doctor_finds_what_is_not_rolled_up_and_what_differs() -> None:
    assert states() == {doctor.COMPLETE: Status.WARNING, doctor.EQUAL: Status.OK}

    run()
    assert states() == {doctor.COMPLETE: Status.OK, doctor.EQUAL: Status.OK}

    damage()
    *_, finding = doctor.check()
    assert finding.status is Status.WARNING
    assert "--rebuild" in finding.remedy

    RollupState.objects.update(complete_before=clock.now().date() - 9 * DAY)
    assert states()[doctor.COMPLETE] is Status.WARNING
