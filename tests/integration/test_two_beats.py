"""Each conversation closes once, even with two beats, late ticks, or after an outage of beat."""

import threading
from collections import Counter
from collections.abc import Iterator

import pytest
from django.db import connection, transaction

from apps.conversations import closing
from tasks import closing as tasks
from testbed.sqs import SqsServer, running_sqs_server
from tests.support.builders import NOON
from tests.support.closings import DAY, HOUR, MINUTE, at, closing_at, current, many_due, tick
from tests.support.service_queue import ServiceQueue
from tests.support.stored import every_row_version

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("aws")]

TICK = "close_due_conversations"
CLOSE = "close_conversation"


@pytest.fixture(scope="module")
def strict_sqs() -> Iterator[SqsServer]:
    """A server of this module alone, because these tests advance its clock."""
    with running_sqs_server(max_poll_seconds=0.02) as server:
        yield server


def test_the_second_of_two_ticks_finds_nothing_to_claim(queue: ServiceQueue) -> None:
    many_due(3)
    with at(NOON):
        tick()
        tick()
        assert Counter(queue.work()) == {TICK: 2, CLOSE: 3}
        before = every_row_version()

        tick()
        assert queue.work() == [TICK]
    assert every_row_version() == before


def test_two_sweeps_at_the_same_time_claim_each_conversation_once(queue: ServiceQueue) -> None:
    due = many_due(40)
    both_ready = threading.Barrier(2)
    errors: list[Exception] = []

    def sweep() -> None:
        try:
            both_ready.wait(timeout=10)
            tasks.close_due_conversations.run()
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    with at(NOON):
        threads = [threading.Thread(target=sweep) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=30)

    assert not errors
    pointers = Counter(arguments[0] for _, arguments in queue.pointers())
    assert pointers == {str(one.uuid): 1 for one in due}


def test_a_tick_skips_conversations_that_another_one_claims() -> None:
    many_due(4)
    claimed, may_commit = threading.Event(), threading.Event()
    slow: list[closing.Claim] = []

    def claim_slowly() -> None:
        try:
            with transaction.atomic():
                slow.extend(closing.claim_due(limit=2, now=NOON))
                claimed.set()
                may_commit.wait(timeout=20)
        finally:
            connection.close()

    thread = threading.Thread(target=claim_slowly)
    thread.start()
    try:
        assert claimed.wait(timeout=10)
        quick = closing.claim_due(limit=9, now=NOON)
    finally:
        may_commit.set()
        thread.join(timeout=30)

    assert len(slow) == len(quick) == 2
    assert not {one.conversation_uuid for one in slow} & {one.conversation_uuid for one in quick}


def test_after_a_day_without_beat_one_tick_closes_all_due_conversations(
    queue: ServiceQueue,
) -> None:
    due = [closing_at(NOON + number * HOUR, urn=f"telegram:{number}") for number in range(24)]

    with at(NOON + DAY):
        tick()
        assert Counter(queue.work()) == {TICK: 1, CLOSE: 24}

    assert {current(one).ended_at for one in due} == {NOON + DAY}


def test_only_the_newest_of_the_ticks_older_than_five_minutes_runs(queue: ServiceQueue) -> None:
    closing_at(NOON)
    with at(NOON):
        tick()
        tick()
        queue.pass_time(seconds=301)
        assert queue.work() == [TICK, CLOSE]


def test_a_late_pointer_is_not_dropped(queue: ServiceQueue) -> None:
    due = closing_at(NOON)
    with at(NOON):
        tasks.close_due_conversations.run()
    queue.pass_time(seconds=6 * 3600)

    with at(NOON + 6 * HOUR):
        assert queue.work() == [CLOSE]

    assert current(due).archived_at == NOON + 6 * HOUR


def test_a_conversation_claimed_again_while_its_pointer_waits_closes_once(
    queue: ServiceQueue,
) -> None:
    """It is claimed again because no worker has received the first pointer for 15 minutes."""
    due = closing_at(NOON)
    for minutes in (0, 15):
        with at(NOON + minutes * MINUTE):
            tasks.close_due_conversations.run()

    with at(NOON + 16 * MINUTE):
        assert queue.work() == [CLOSE, CLOSE]

    assert current(due).archived_at == NOON + 16 * MINUTE
