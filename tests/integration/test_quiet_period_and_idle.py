"""The quiet period postpones a closing; the idle timeout closes a conversation earlier."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from apps.conversations.models import Conversation, Resolution
from apps.conversations.project_models import Project
from tasks import closing as tasks
from tasks.closing import archive_before_expiry
from tests.support.builders import (
    NOON,
    PROJECT,
    deliver_bodies,
    numbered_message,
    project,
    window_body,
)
from tests.support.closings import DAY, HOUR, INSTANT, MINUTE, at, closing_at, current, tick, write
from tests.support.service_queue import ServiceQueue
from tests.support.stored import every_row_version

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("aws")]

QUIET = 10 * MINUTE
MAX_POSTPONE = 2 * HOUR
MILLISECOND = timedelta(milliseconds=1)
IDLE = 30 * MINUTE


@pytest.fixture(autouse=True)
def _periods(settings: Any) -> None:
    settings.CLOSING_QUIET_PERIOD = QUIET
    settings.CLOSING_MAX_POSTPONE = MAX_POSTPONE


def is_open(conversation: Conversation) -> bool:
    """Return whether the conversation is in progress now."""
    return current(conversation).resolution == Resolution.IN_PROGRESS


def sweep(queue: ServiceQueue, moment: datetime) -> None:
    """Run a tick and all pointers that it sends."""
    with at(moment):
        tick()
        queue.work()


def test_a_recent_message_postpones_the_closing_by_the_quiet_period(queue: ServiceQueue) -> None:
    chat = closing_at(NOON)
    write(chat, created_at=NOON - MINUTE)

    sweep(queue, NOON)

    put_off = current(chat)
    assert put_off.resolution == Resolution.IN_PROGRESS
    assert put_off.postponed_from == NOON
    assert put_off.closes_at == put_off.due_at == NOON + QUIET
    assert put_off.close_requested_at is None
    sweep(queue, NOON + QUIET)
    assert current(chat).ended_at == NOON + QUIET


@pytest.mark.parametrize(("age", "closes"), [(QUIET, True), (QUIET - MILLISECOND, False)])
def test_a_message_is_recent_for_exactly_the_quiet_period(
    queue: ServiceQueue, age: timedelta, closes: bool
) -> None:
    chat = closing_at(NOON)
    write(chat, created_at=NOON - age)

    sweep(queue, NOON)

    assert is_open(chat) is not closes


def test_a_conversation_in_use_closes_after_the_maximum_postponement(
    queue: ServiceQueue,
) -> None:
    chat = closing_at(NOON)
    moment = NOON
    while moment < NOON + MAX_POSTPONE:
        write(chat, created_at=moment - MINUTE)
        sweep(queue, moment)
        moment += QUIET
        assert current(chat).closes_at == moment
        assert current(chat).postponed_from == NOON

    write(chat, created_at=moment - MINUTE)
    sweep(queue, moment)

    assert moment == NOON + MAX_POSTPONE
    assert current(chat).ended_at == NOON + MAX_POSTPONE
    assert current(chat).message_count == 13


def test_the_last_postponement_may_be_shorter(queue: ServiceQueue, settings: Any) -> None:
    settings.CLOSING_MAX_POSTPONE = 15 * MINUTE
    chat = closing_at(NOON)
    for minutes in (0, 10):
        write(chat, created_at=NOON + (minutes - 1) * MINUTE)
        sweep(queue, NOON + minutes * MINUTE)

    assert current(chat).closes_at == NOON + 15 * MINUTE


def test_a_message_dated_in_the_future_does_not_extend_the_postponement(
    queue: ServiceQueue,
) -> None:
    chat = closing_at(NOON)
    write(chat, created_at=NOON + 365 * DAY)

    sweep(queue, NOON)
    assert current(chat).closes_at == NOON + QUIET
    sweep(queue, NOON + MAX_POSTPONE - INSTANT)
    assert is_open(chat)
    sweep(queue, NOON + MAX_POSTPONE)
    assert not is_open(chat)


@pytest.mark.parametrize("setting", ["CLOSING_QUIET_PERIOD", "CLOSING_MAX_POSTPONE"])
def test_no_closing_is_postponed_if_the_quiet_period_or_the_maximum_postponement_is_zero(
    queue: ServiceQueue, settings: Any, setting: str
) -> None:
    setattr(settings, setting, timedelta())
    chat = closing_at(NOON)
    write(chat, created_at=NOON + HOUR)

    sweep(queue, NOON)

    assert not is_open(chat)


def test_after_a_long_outage_a_conversation_in_use_is_closed(queue: ServiceQueue) -> None:
    chat = closing_at(NOON)
    write(chat, created_at=NOON + 5 * HOUR - MINUTE)

    sweep(queue, NOON + 5 * HOUR)

    assert current(chat).ended_at == NOON + 5 * HOUR


def test_an_archived_message_counts_as_recent_too(queue: ServiceQueue) -> None:
    chat = closing_at(NOON, archive_check_at=NOON - MINUTE)
    write(chat, created_at=NOON - MINUTE)
    with at(NOON - MINUTE):
        archive_before_expiry.run()
    assert current(chat).last_message_at == NOON - MINUTE

    sweep(queue, NOON)

    assert current(chat).closes_at == NOON + QUIET


def test_messages_of_a_project_with_an_idle_timeout_write_nothing_to_postgresql() -> None:
    Project.objects.create(uuid=PROJECT, idle_timeout=IDLE)
    deliver_bodies(bodies=[numbered_message(0)])
    assert Conversation.objects.get().due_at == NOON + IDLE
    before = every_row_version()

    deliver_bodies(bodies=[numbered_message(n) for n in range(1, 6)], sent_at=NOON + MINUTE)

    assert every_row_version() == before


def test_the_newest_message_restarts_the_idle_timeout(
    queue: ServiceQueue,
) -> None:
    Project.objects.create(uuid=PROJECT, idle_timeout=IDLE)
    deliver_bodies(bodies=[numbered_message(0)])
    deliver_bodies(bodies=[numbered_message(600)], sent_at=NOON + 10 * MINUTE)
    chat = Conversation.objects.get()

    sweep(queue, NOON + IDLE)
    assert current(chat).due_at == NOON + 10 * MINUTE + IDLE
    assert current(chat).close_requested_at is None
    sweep(queue, NOON + 10 * MINUTE + IDLE - MILLISECOND)
    assert is_open(chat)
    sweep(queue, NOON + 10 * MINUTE + IDLE)

    assert current(chat).resolution == Resolution.UNCLASSIFIED
    assert current(chat).ended_at == NOON + 10 * MINUTE + IDLE
    assert current(chat).message_count == 2


def test_the_idle_timeout_of_a_window_without_messages_starts_at_its_opening(
    queue: ServiceQueue,
) -> None:
    Project.objects.create(uuid=PROJECT, idle_timeout=IDLE)
    deliver_bodies(bodies=[window_body()])
    chat = Conversation.objects.get()

    sweep(queue, NOON + IDLE - INSTANT)
    assert is_open(chat)
    sweep(queue, NOON + IDLE)

    assert current(chat).ended_at == NOON + IDLE
    assert current(chat).message_count == 0


def test_an_archived_message_restarts_the_idle_timeout(
    queue: ServiceQueue,
) -> None:
    Project.objects.create(uuid=PROJECT, idle_timeout=IDLE)
    chat = closing_at(NOON + DAY, opened_at=NOON - DAY, due_at=NOON, archive_check_at=NOON)
    write(chat, created_at=NOON - 5 * MINUTE)
    with at(NOON):
        archive_before_expiry.run()

    sweep(queue, NOON)

    assert current(chat).due_at == NOON - 5 * MINUTE + IDLE


def test_a_conversation_that_is_not_idle_closes_at_its_closing_time(queue: ServiceQueue) -> None:
    Project.objects.create(uuid=PROJECT, idle_timeout=2 * HOUR)
    chat = closing_at(NOON, due_at=NOON - HOUR)
    write(chat, created_at=NOON - 2 * HOUR)

    sweep(queue, NOON - HOUR)
    assert current(chat).due_at == NOON
    sweep(queue, NOON)

    assert current(chat).ended_at == NOON


@pytest.mark.parametrize(
    ("idle_timeout", "ends_at"), [(5 * MINUTE, NOON + 4 * MINUTE), (IDLE, NOON + QUIET)]
)
def test_a_postponed_conversation_closes_when_it_is_idle(
    queue: ServiceQueue, idle_timeout: timedelta, ends_at: datetime
) -> None:
    Project.objects.create(uuid=PROJECT, idle_timeout=idle_timeout)
    chat = closing_at(NOON)
    write(chat, created_at=NOON - MINUTE)

    sweep(queue, NOON)
    assert current(chat).due_at == ends_at
    sweep(queue, ends_at)

    assert current(chat).ended_at == ends_at


def test_a_conversation_that_is_idle_is_not_postponed(queue: ServiceQueue) -> None:
    Project.objects.create(uuid=PROJECT, idle_timeout=MINUTE)
    chat = closing_at(NOON)
    write(chat, created_at=NOON - 2 * MINUTE)

    sweep(queue, NOON)

    assert current(chat).ended_at == NOON


def test_without_an_idle_timeout_no_conversation_closes_early() -> None:
    project()
    chat = closing_at(NOON + DAY, opened_at=NOON - 5 * DAY)

    with at(NOON):
        tasks.close_conversation.run(str(chat.uuid))

    assert is_open(chat)
    assert current(chat).due_at == NOON + DAY
