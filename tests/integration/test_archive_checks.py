"""Messages of open conversations are archived before they expire; late messages are found."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from celery.exceptions import SoftTimeLimitExceeded

from apps.common.errors import Unavailable
from apps.conversations import archive_checks
from apps.conversations.models import Conversation, Resolution
from apps.messages import store
from apps.messages.archiving import Merged, migrate
from tasks import closing as tasks
from tests.support.builders import (
    NOON,
    conversation,
    deliver_bodies,
    entry,
    message_body,
    target,
)
from tests.support.closings import DAY, HOUR, INSTANT, MINUTE, at, closing_at, current, write
from tests.support.service_queue import ServiceQueue
from tests.support.services import close_by_event
from tests.support.stored import archived, unarchived_items

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("aws")]

OPEN = "archive_before_expiry"
LATE = "archive_late_messages"


def ids(conversation: Conversation) -> list[str]:
    """Return the ids of the conversation's archived messages."""
    return [one["id"] for one in archived(conversation_uuid=conversation.uuid)]


def closed_at(moment: datetime) -> Conversation:
    """Create a conversation that an event closed at this time. Its messages are in DynamoDB."""
    chat = closing_at(moment + DAY, opened_at=moment - HOUR)
    write(chat, created_at=moment - MINUTE, message_id="first")
    close_by_event(
        resolution=Resolution.RESOLVED,
        sent_at=moment,
        now=moment,
    )
    return chat


def failing_for(uuid: UUID, error: Exception) -> Callable[..., Merged]:
    """Return a `migrate` that fails for this conversation."""

    def migrate_or_fail(*, conversation_uuid: UUID, now: datetime) -> Merged:
        if conversation_uuid == uuid:
            raise error
        return migrate(conversation_uuid=conversation_uuid, now=now)

    return migrate_or_fail


def test_messages_of_an_open_conversation_are_archived_every_24_hours() -> None:
    deliver_bodies(bodies=[message_body()])
    chat = Conversation.objects.get()
    assert chat.archive_check_at == NOON + DAY

    with at(NOON + DAY - INSTANT):
        tasks.archive_before_expiry.run()
    assert ids(chat) == []
    with at(NOON + DAY):
        tasks.archive_before_expiry.run()

    assert ids(chat) == ["m-1"]
    assert unarchived_items() == []
    assert current(chat).resolution == Resolution.IN_PROGRESS
    assert current(chat).archived_at is None
    assert current(chat).archive_check_at == NOON + 2 * DAY


def test_a_late_message_is_found_after_15_minutes_and_within_a_day() -> None:
    chat = closed_at(NOON)
    with at(NOON):
        tasks.migrate_on_close.run(str(chat.uuid))

    write(chat, created_at=NOON + MINUTE, message_id="frozen")
    for moment in (NOON + 15 * MINUTE - INSTANT, NOON + 15 * MINUTE):
        assert ids(chat) == ["first"]
        with at(moment):
            tasks.archive_late_messages.run()
    assert ids(chat) == ["first", "frozen"]
    assert current(chat).archive_check_at == NOON + 23 * HOUR

    write(chat, created_at=NOON + 22 * HOUR, message_id="another group")
    for moment in (NOON + 23 * HOUR - INSTANT, NOON + 23 * HOUR):
        assert ids(chat) == ["first", "frozen"]
        with at(moment):
            tasks.archive_late_messages.run()
    assert ids(chat) == ["first", "frozen", "another group"]
    assert unarchived_items() == []
    assert current(chat).archive_check_at is None


def test_an_erasure_that_fails_does_not_stop_archiving(monkeypatch: pytest.MonkeyPatch) -> None:
    chat = closed_at(NOON)

    def fail() -> None:
        raise RuntimeError("a bug with one erasure")

    monkeypatch.setattr(tasks, "search_again", fail)
    with at(NOON + 15 * MINUTE), pytest.raises(RuntimeError, match="one erasure"):
        tasks.archive_late_messages.run()

    assert ids(chat) == ["first"]


def test_an_archive_that_a_kill_left_incomplete_is_completed() -> None:
    chat = closed_at(NOON)
    assert current(chat).archived_at is None

    with at(NOON + 15 * MINUTE):
        tasks.archive_late_messages.run()

    assert ids(chat) == ["first"]
    assert current(chat).archived_at == NOON + 15 * MINUTE
    assert current(chat).archive_check_at == NOON + 15 * MINUTE + 23 * HOUR


def test_the_last_search_happens_even_after_an_outage_of_days() -> None:
    chat = closed_at(NOON)
    with at(NOON):
        tasks.migrate_on_close.run(str(chat.uuid))
    write(chat, created_at=NOON + MINUTE, message_id="late")

    with at(NOON + 30 * HOUR):
        tasks.archive_late_messages.run()

    assert ids(chat) == ["first", "late"]
    assert current(chat).archive_check_at is None


def test_a_bug_with_one_conversation_is_reported_and_delays_no_other(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    broken, fine = (
        closing_at(NOON + DAY, urn=urn, archive_check_at=NOON - minutes * MINUTE)
        for urn, minutes in (("telegram:1", 2), ("telegram:2", 1))
    )
    for chat in (broken, fine):
        write(chat, created_at=NOON - HOUR, message_id="m")
    with monkeypatch.context() as patch, at(NOON):
        patch.setattr(tasks, "migrate", failing_for(broken.uuid, RuntimeError("a bug")))
        tasks.archive_before_expiry.run()

    assert (ids(broken), ids(fine)) == ([], ["m"])
    assert [one.message for one in caplog.records if one.levelname == "ERROR"] == ["task_failed"]
    assert current(fine).archive_check_at == NOON + DAY
    assert current(broken).archive_check_at == NOON + 15 * MINUTE
    with at(NOON + 15 * MINUTE):
        tasks.archive_before_expiry.run()
    assert ids(broken) == ["m"]


def test_the_search_is_held_while_a_dependency_is_down(monkeypatch: pytest.MonkeyPatch) -> None:
    chat = closing_at(NOON + DAY, archive_check_at=NOON)
    write(chat, created_at=NOON - HOUR)
    down = failing_for(chat.uuid, Unavailable("DynamoDB", "it is down"))
    monkeypatch.setattr(tasks, "migrate", down)

    with at(NOON), pytest.raises(Unavailable):
        tasks.archive_before_expiry.run()

    assert current(chat).archive_check_at == NOON + 15 * MINUTE


def test_a_search_ends_at_its_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time limit is that of the whole search, not of one conversation."""
    slow, next_one = (
        closing_at(NOON + DAY, urn=urn, archive_check_at=NOON - minutes * MINUTE)
        for urn, minutes in (("telegram:1", 2), ("telegram:2", 1))
    )
    monkeypatch.setattr(tasks, "migrate", failing_for(slow.uuid, SoftTimeLimitExceeded()))

    with at(NOON), pytest.raises(SoftTimeLimitExceeded):
        tasks.archive_before_expiry.run()

    assert current(next_one).archive_check_at == NOON + 15 * MINUTE


@pytest.mark.parametrize("in_progress", [True, False], ids=["open", "closed"])
@pytest.mark.parametrize(("due", "next_ticks"), [(2, 0), (3, 1)])
def test_a_full_page_sends_the_next_search(
    queue: ServiceQueue,
    monkeypatch: pytest.MonkeyPatch,
    due: int,
    next_ticks: int,
    in_progress: bool,
) -> None:
    monkeypatch.setattr(tasks, "CHECKS_PAGE", 3)
    for number in range(due):
        resolution = Resolution.IN_PROGRESS if in_progress else Resolution.RESOLVED
        conversation(urn=f"telegram:{number}", resolution=resolution, ended_at=NOON)
    Conversation.objects.update(archive_check_at=NOON)
    task: Any = tasks.archive_before_expiry if in_progress else tasks.archive_late_messages

    with at(NOON):
        task.run()

    assert queue.pointers() == [(OPEN if in_progress else LATE, [])] * next_ticks


def test_a_conversation_is_not_searched_again_until_its_lease_ends() -> None:
    closing_at(NOON + DAY, archive_check_at=NOON)

    def claimed(moment: datetime) -> int:
        return len(archive_checks.claim(in_progress=True, limit=9, now=moment))

    assert claimed(NOON) == 1
    assert claimed(NOON + 15 * MINUTE - INSTANT) == 0
    assert claimed(NOON + 15 * MINUTE) == 1


def test_a_search_that_ends_after_the_close_keeps_the_search_that_the_close_planned() -> None:
    chat = closing_at(NOON + DAY, archive_check_at=NOON)
    (check,) = archive_checks.claim(in_progress=True, limit=9, now=NOON)
    close_by_event(
        resolution=Resolution.RESOLVED,
        sent_at=NOON,
        now=NOON + MINUTE,
    )

    archive_checks.complete(check, now=NOON + 2 * MINUTE)

    assert current(chat).archive_check_at == NOON + 16 * MINUTE
    store.put(target=target(chat.uuid), entry=entry(), now=NOON)
    with at(NOON + 16 * MINUTE):
        tasks.archive_late_messages.run()
    assert ids(chat) == ["m-1"]
