"""A project's new closing rule reschedules its open conversations, including claimed ones."""

from datetime import datetime, time, timedelta
from typing import Any

import pytest

from apps.conversations.models import Conversation, Resolution
from apps.conversations.moving import move_open_conversations
from apps.conversations.operator_requests import request_close
from apps.conversations.project_models import Project
from tasks import closing as tasks
from tests.support.builders import NOON, conversation, project
from tests.support.closings import DAY, HOUR, INSTANT, MINUTE, at, closing_at, current, tick, write
from tests.support.service_queue import ServiceQueue
from tests.support.stored import every_row_version

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("aws")]

SAO_PAULO = datetime.fromisoformat("2026-11-24T03:00:00+00:00")
TOKYO = datetime.fromisoformat("2026-11-24T15:00:00+00:00")
TICK = "close_due_conversations"
CLOSE = "close_conversation"


def change_rule(*, now: datetime, **fields: Any) -> int:
    """Set the project's closing rule, and return how many conversations were rescheduled."""
    Project.objects.update(**fields)
    return move_open_conversations(project=Project.objects.get(), now=now)


def sweep(queue: ServiceQueue, moment: datetime) -> list[str]:
    """Run a tick and all pointers that it sends, and return the tasks that ran."""
    with at(moment):
        tick()
        return queue.work()


def test_a_conversation_closes_at_the_new_time(queue: ServiceQueue) -> None:
    chat = closing_at(SAO_PAULO)

    assert change_rule(timezone="Asia/Tokyo", now=SAO_PAULO - MINUTE) == 1

    assert current(chat).closes_at == current(chat).due_at == TOKYO
    assert sweep(queue, SAO_PAULO) == [TICK]
    assert sweep(queue, TOKYO - INSTANT) == [TICK]
    assert sweep(queue, TOKYO) == [TICK, CLOSE]
    assert current(chat).ended_at == TOKYO


def test_a_pointer_does_not_close_a_conversation_that_was_moved_after_its_claim(
    queue: ServiceQueue,
) -> None:
    """The conversation was claimed at its closing time, and its pointer is on the queue."""
    chat = closing_at(SAO_PAULO, opened_at=SAO_PAULO - MINUTE)
    with at(SAO_PAULO):
        tasks.close_due_conversations.run()
    change_rule(timezone="Asia/Tokyo", now=SAO_PAULO + INSTANT)

    with at(SAO_PAULO + MINUTE):
        assert queue.work() == [CLOSE]
    assert current(chat).resolution == Resolution.IN_PROGRESS
    assert current(chat).due_at == TOKYO
    assert current(chat).close_requested_at is None

    assert sweep(queue, TOKYO) == [TICK, CLOSE]
    assert current(chat).ended_at == TOKYO


def test_a_returned_claim_does_not_close_a_conversation_that_was_moved(queue: ServiceQueue) -> None:
    chat = closing_at(SAO_PAULO, opened_at=SAO_PAULO - MINUTE)
    queue.strict.fail(status=503, code="ServiceUnavailable")
    with at(SAO_PAULO):
        tasks.close_due_conversations.run()
    queue.strict.clear_faults()
    change_rule(timezone="Asia/Tokyo", now=SAO_PAULO)

    sweep(queue, SAO_PAULO + MINUTE)

    assert current(chat).resolution == Resolution.IN_PROGRESS
    assert current(chat).due_at == TOKYO


def test_a_conversation_overdue_by_both_rules_is_not_postponed(queue: ServiceQueue) -> None:
    """Beat was down at its closing time."""
    chat = closing_at(SAO_PAULO, opened_at=SAO_PAULO - 3 * DAY)

    assert change_rule(timezone="Asia/Tokyo", now=SAO_PAULO + MINUTE) == 0

    assert sweep(queue, SAO_PAULO + MINUTE) == [TICK, CLOSE]
    assert current(chat).resolution == Resolution.UNCLASSIFIED


def test_an_earlier_closing_time_closes_earlier(queue: ServiceQueue) -> None:
    chat = closing_at(SAO_PAULO)

    change_rule(closing_time=time(10, 0), now=NOON)

    assert current(chat).closes_at == NOON + HOUR
    assert sweep(queue, NOON + HOUR) == [TICK, CLOSE]


@pytest.mark.parametrize(
    ("idle", "due_at"),
    [(HOUR, NOON + HOUR), (None, SAO_PAULO), (timedelta(days=2), SAO_PAULO)],
)
def test_a_new_idle_timeout_starts_now(idle: timedelta | None, due_at: datetime) -> None:
    """A check at that time finds out whether the conversation was idle."""
    chat = closing_at(SAO_PAULO, due_at=NOON + MINUTE)

    change_rule(idle_timeout=idle, now=NOON)

    assert current(chat).due_at == due_at
    assert current(chat).closes_at == SAO_PAULO


def test_a_postponed_conversation_can_be_postponed_again_at_its_new_closing(
    queue: ServiceQueue,
) -> None:
    chat = closing_at(NOON, opened_at=NOON - HOUR)
    write(chat, created_at=NOON - MINUTE)
    sweep(queue, NOON)
    assert current(chat).postponed_from == NOON

    change_rule(timezone="Asia/Tokyo", now=NOON + MINUTE)

    assert current(chat).postponed_from is None
    assert current(chat).closes_at == TOKYO - DAY


def test_a_requested_close_does_not_depend_on_the_rule(queue: ServiceQueue) -> None:
    chat = closing_at(SAO_PAULO)
    request_close(conversation_uuid=chat.uuid, resolution=Resolution.RESOLVED, now=NOON)

    assert change_rule(timezone="Asia/Tokyo", now=NOON) == 0

    assert sweep(queue, NOON) == [TICK, CLOSE]
    assert current(chat).resolution == Resolution.RESOLVED


def test_closed_conversations_and_other_projects_are_left_alone() -> None:
    conversation(resolution=Resolution.RESOLVED, ended_at=NOON)
    other = Project.objects.create(timezone="Asia/Tokyo")
    conversation(urn="telegram:2")
    Conversation.objects.filter(contact_urn="telegram:2").update(project=other)
    before = every_row_version()

    assert move_open_conversations(project=project(), now=NOON) == 0

    assert every_row_version() == before
