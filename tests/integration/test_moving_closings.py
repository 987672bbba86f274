"""A project's new closing rule moves its open conversations, also those that are claimed."""

from datetime import datetime, time, timedelta
from typing import Any

import pytest

from apps.conversations.models import Conversation, Project, Resolution
from apps.conversations.operator_requests import request_close
from apps.conversations.services import move_open_conversations
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


def rule(*, now: datetime, **fields: Any) -> int:
    """Give the project another closing rule; gives how many conversations moved."""
    Project.objects.update(**fields)
    return move_open_conversations(project=Project.objects.get(), now=now)


def swept(queue: ServiceQueue, moment: datetime) -> list[str]:
    """A tick and what follows from it."""
    with at(moment):
        tick()
        return queue.work()


def test_it_closes_at_the_new_time_and_not_at_the_old_one(queue: ServiceQueue) -> None:
    chat = closing_at(SAO_PAULO)

    assert rule(timezone="Asia/Tokyo", now=SAO_PAULO - MINUTE) == 1

    assert current(chat).closes_at == current(chat).due_at == TOKYO
    assert swept(queue, SAO_PAULO) == [TICK]
    assert swept(queue, TOKYO - INSTANT) == [TICK]
    assert swept(queue, TOKYO) == [TICK, CLOSE]
    assert current(chat).ended_at == TOKYO


def test_a_zone_that_is_changed_after_the_claim_holds_the_pointer_back(
    queue: ServiceQueue,
) -> None:
    """It was claimed at its closing time, and its pointer is on the queue."""
    chat = closing_at(SAO_PAULO, opened_at=SAO_PAULO - MINUTE)
    with at(SAO_PAULO):
        tasks.close_due_conversations.run()
    rule(timezone="Asia/Tokyo", now=SAO_PAULO + INSTANT)

    with at(SAO_PAULO + MINUTE):
        assert queue.work() == [CLOSE]
    assert current(chat).resolution == Resolution.IN_PROGRESS
    assert current(chat).due_at == TOKYO
    assert current(chat).close_requested_at is None

    assert swept(queue, TOKYO) == [TICK, CLOSE]
    assert current(chat).ended_at == TOKYO


def test_what_could_not_be_sent_before_a_change_is_only_looked_at(queue: ServiceQueue) -> None:
    chat = closing_at(SAO_PAULO, opened_at=SAO_PAULO - MINUTE)
    queue.strict.fail(status=503, code="ServiceUnavailable")
    with at(SAO_PAULO):
        tasks.close_due_conversations.run()
    queue.strict.clear_faults()
    rule(timezone="Asia/Tokyo", now=SAO_PAULO)

    swept(queue, SAO_PAULO + MINUTE)

    assert current(chat).resolution == Resolution.IN_PROGRESS
    assert current(chat).due_at == TOKYO


def test_one_that_is_overdue_by_both_rules_is_not_put_off(queue: ServiceQueue) -> None:
    """Beat was down at its closing time."""
    chat = closing_at(SAO_PAULO, opened_at=SAO_PAULO - 3 * DAY)

    assert rule(timezone="Asia/Tokyo", now=SAO_PAULO + MINUTE) == 0

    assert swept(queue, SAO_PAULO + MINUTE) == [TICK, CLOSE]
    assert current(chat).resolution == Resolution.UNCLASSIFIED


def test_an_earlier_closing_time_closes_earlier(queue: ServiceQueue) -> None:
    chat = closing_at(SAO_PAULO)

    rule(closing_time=time(10, 0), now=NOON)

    assert current(chat).closes_at == NOON + HOUR
    assert swept(queue, NOON + HOUR) == [TICK, CLOSE]


@pytest.mark.parametrize(
    ("idle", "due_at"),
    [(HOUR, NOON + HOUR), (None, SAO_PAULO), (timedelta(days=2), SAO_PAULO)],
)
def test_another_idle_timeout_counts_from_now(idle: timedelta | None, due_at: datetime) -> None:
    """Whether it has been silent for that long is found out then."""
    chat = closing_at(SAO_PAULO, due_at=NOON + MINUTE)

    rule(idle_timeout=idle, now=NOON)

    assert current(chat).due_at == due_at
    assert current(chat).closes_at == SAO_PAULO


def test_one_that_was_put_off_may_be_put_off_anew_at_its_new_closing(queue: ServiceQueue) -> None:
    chat = closing_at(NOON, opened_at=NOON - HOUR)
    write(chat, created_at=NOON - MINUTE)
    swept(queue, NOON)
    assert current(chat).postponed_from == NOON

    rule(timezone="Asia/Tokyo", now=NOON + MINUTE)

    assert current(chat).postponed_from is None
    assert current(chat).closes_at == TOKYO - DAY


def test_what_somebody_asked_for_is_done_whatever_the_rule(queue: ServiceQueue) -> None:
    chat = closing_at(SAO_PAULO)
    request_close(conversation_uuid=chat.uuid, resolution=Resolution.RESOLVED, now=NOON)

    assert rule(timezone="Asia/Tokyo", now=NOON) == 0

    assert swept(queue, NOON) == [TICK, CLOSE]
    assert current(chat).resolution == Resolution.RESOLVED


def test_closed_conversations_and_other_projects_are_left_alone() -> None:
    conversation(resolution=Resolution.RESOLVED, ended_at=NOON)
    other = Project.objects.create(timezone="Asia/Tokyo")
    conversation(urn="telegram:2")
    Conversation.objects.filter(contact_urn="telegram:2").update(project=other)
    before = every_row_version()

    assert move_open_conversations(project=project(), now=NOON) == 0

    assert every_row_version() == before
