"""Beat sends a task only if it has anything to do."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from celery import current_app
from django.db import OperationalError
from django.db.models import Model
from django.db.models.functions import Now

from apps.analytics.models import OutboxEvent
from apps.analytics.outbox import RETENTION
from apps.common.clock import now
from apps.conversations.models import Conversation, Resolution
from apps.conversations.project_models import Project
from apps.messages.models import DeadLetter
from operations.scheduler import ResilientScheduler
from tasks.schedules import EVERY_MINUTE, SCHEDULES, ensure_schedules
from tasks.waiting_work import HAS_WORK, SILENT_FOR, Asking
from testbed.sqs.fifo import Fifo
from tests.support.builders import conversation, project
from tests.support.dead_letters import bury, dead_letter_queue_of
from tests.support.service_queue import ServiceQueue
from tests.support.services import answer_recorded

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("aws")]

SECOND = timedelta(seconds=1)
CLOSING = "tasks.closing.close_due_conversations"
OPEN_ARCHIVES = "tasks.closing.archive_before_expiry"
LATE_ARCHIVES = "tasks.closing.archive_late_messages"
LAKE = "tasks.datalake.send_data_lake_event"
LETTERS = "tasks.deadletters.collect_dead_letters"


@pytest.fixture(autouse=True)
def dead_letters(queue: ServiceQueue, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fifo]:
    """An empty dead-letter queue."""
    with dead_letter_queue_of(queue, monkeypatch) as letters:
        yield letters


def waiting() -> set[str]:
    """Return the tasks that have work."""
    return {task for task in HAS_WORK if Asking().has_work(task)}


def set_all(model: type[Model], **fields: Any) -> None:
    model._default_manager.update(**fields)


def test_every_task_of_each_minute_says_whether_it_has_work() -> None:
    assert set(HAS_WORK) == {task.name for task in EVERY_MINUTE.values()}


def test_nothing_waits_in_a_new_service_and_in_one_with_fresh_conversations() -> None:
    assert waiting() == set()

    conversation(opened_at=now())
    assert waiting() == set()


@pytest.mark.parametrize(
    ("change", "task"),
    [
        (lambda: set_all(Conversation, due_at=Now()), CLOSING),
        (lambda: set_all(Project, moving_since=Now()), CLOSING),
        (lambda: set_all(Conversation, archive_check_at=Now()), OPEN_ARCHIVES),
        (
            lambda: set_all(
                Conversation, archive_check_at=Now(), resolution=Resolution.RESOLVED, ended_at=Now()
            ),
            LATE_ARCHIVES,
        ),
    ],
)
def test_work_that_is_due_in_postgresql_waits(change: Callable[[], None], task: str) -> None:
    conversation(opened_at=now())
    change()

    assert waiting() == {task}


def test_an_answer_waits_until_the_lake_has_it_and_again_when_its_row_is_old() -> None:
    project()
    answer_recorded(to=None, key="weni_csat", value="5", at=now())
    assert waiting() == {LAKE}

    set_all(OutboxEvent, delivered_at=Now())
    assert waiting() == set()

    set_all(OutboxEvent, delivered_at=Now() - RETENTION - SECOND)
    assert waiting() == {LAKE}


def test_nothing_waits_for_a_lake_that_is_off(settings: Any) -> None:
    project()
    answer_recorded(to=None, key="weni_csat", value="5", at=now())
    settings.DATALAKE_URL = "none"

    assert waiting() == set()


def test_a_dead_letter_waits_on_the_queue_and_when_its_redrive_is_requested(
    dead_letters: Fifo,
) -> None:
    bury(dead_letters)
    assert waiting() == {LETTERS}

    dead_letters.received(VisibilityTimeout=60)
    assert waiting() == set()

    DeadLetter.objects.create(
        message_id="1",
        group_id="g",
        sequence_number=1,
        body="{}",
        reason="bug",
        queue_time=now(),
        receive_count=1,
        collected_at=now(),
        redrive_requested_at=now(),
    )
    assert waiting() == {LETTERS}


def test_a_task_without_a_question_is_sent() -> None:
    assert Asking().has_work("tasks.retention.delete_expired")


def test_all_tasks_are_sent_for_a_minute_after_a_dependency_has_failed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []

    def fail() -> bool:
        asked.append(CLOSING)
        raise OperationalError

    moment = 0.0
    asking = Asking(now=lambda: moment)
    monkeypatch.setitem(HAS_WORK, CLOSING, fail)
    assert asking.has_work(CLOSING)
    assert asking.has_work(LAKE)
    assert asking.has_work(CLOSING)
    assert asked == [CLOSING]

    moment = SILENT_FOR
    assert not asking.has_work(LAKE)


def test_beat_sends_only_tasks_that_have_work_and_saves_that_all_have_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sent = []
    for task in SCHEDULES.values():
        monkeypatch.setattr(
            current_app.tasks[task.name],
            "apply_async",
            lambda *_, name=task.name, **__: sent.append(name),
        )
    ensure_schedules()
    conversation(opened_at=now())
    set_all(Conversation, due_at=Now())
    scheduler = ResilientScheduler(app=current_app, lazy=False)
    monkeypatch.setattr(scheduler, "sync_every", 0)
    for entry in list(scheduler.schedule.values()):
        scheduler.apply_entry(scheduler.reserve(entry))

    hourly = {task.name for task in SCHEDULES.values()} - HAS_WORK.keys()
    assert set(sent) == {CLOSING} | hourly
    assert all(entry.model.last_run_at for entry in scheduler.schedule.values())
