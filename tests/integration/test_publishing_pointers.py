"""Pointers are published ten at a time, and those that SQS did not accept are returned."""

import pytest

from celery_sqs_fifo import Pointer, publish_each
from config.celery import app
from tasks.closing import archive_late_messages, close_conversation
from tests.support.service_queue import ServiceQueue

UUIDS = [f"0e9b6c1a-5a47-4a3d-9a66-3f5a1c2b{number:04x}" for number in range(1, 100)]


def pointer(number: int, *, group: str = "") -> Pointer:
    """Return a pointer to a conversation, by default in its own group."""
    return Pointer(
        task=close_conversation,
        arguments=(UUIDS[number],),
        message_group=group or f"group-{number}",
        deduplication_id=f"once-{number}",
    )


def pointers(number: int) -> list[Pointer]:
    """Return pointers in different groups."""
    return [pointer(index) for index in range(number)]


def calls(queue: ServiceQueue) -> int:
    """Return the number of SendMessageBatch calls."""
    return queue.strict.call_counts().get("SendMessageBatch", 0)


@pytest.mark.parametrize(("number", "batches"), [(0, 0), (1, 1), (10, 1), (11, 2), (25, 3)])
def test_ten_pointers_are_sent_with_one_call(
    queue: ServiceQueue, number: int, batches: int
) -> None:
    assert publish_each(pointers(number), app=app) == []

    assert calls(queue) == batches
    assert len(queue.pointers()) == number


def test_the_envelope_accepts_published_pointers(queue: ServiceQueue) -> None:
    tick = Pointer(
        task=archive_late_messages, arguments=(), message_group="ticks", deduplication_id="1"
    )
    publish_each([pointer(0), tick], app=app)

    first, second = sorted(queue.deliveries(), key=lambda one: one.group_id)
    assert first.is_celery
    assert first.is_barrier
    assert (first.group_id, second.group_id) == ("group-0", "ticks")
    assert not second.is_barrier


def test_tasks_and_arguments_of_pointers_arrive_unchanged(queue: ServiceQueue) -> None:
    publish_each(pointers(12), app=app)

    expected = [("close_conversation", [UUIDS[number]]) for number in range(12)]
    assert sorted(queue.pointers()) == expected


def test_pointers_of_one_group_keep_their_order(queue: ServiceQueue) -> None:
    publish_each([pointer(number, group="one") for number in range(23)], app=app)

    assert [arguments for _, (arguments,) in queue.pointers()] == UUIDS[:23]


def test_pointers_with_the_same_deduplication_id_arrive_once(queue: ServiceQueue) -> None:
    assert publish_each([pointer(0)], app=app) == []
    assert publish_each([pointer(0), pointer(1)], app=app) == []

    assert len(queue.pointers()) == 2


@pytest.mark.parametrize(("status", "code"), [(500, "InternalError"), (400, "InvalidParameter")])
def test_refused_pointers_are_returned_and_the_others_are_sent(
    queue: ServiceQueue, status: int, code: str
) -> None:
    wanted = pointers(25)
    queue.strict.fail_entries(status=status, code=code, count=1)

    assert publish_each(wanted, app=app) == wanted[:10]

    assert len(queue.pointers()) == 15


def test_only_the_refused_entry_of_a_batch_is_returned(queue: ServiceQueue) -> None:
    """SQS accepts a MessageGroupId of at most 128 characters."""
    wanted = [pointer(0), pointer(1, group="g" * 129), pointer(2)]

    refused = publish_each(wanted, app=app)

    assert refused == [wanted[1]]
    assert len(queue.pointers()) == 2


def test_after_a_failed_call_the_remaining_pointers_are_returned(queue: ServiceQueue) -> None:
    wanted = pointers(35)
    assert publish_each(wanted[:10], app=app) == []
    queue.strict.reset_calls()
    queue.strict.fail(status=503, code="ServiceUnavailable", actions=["SendMessageBatch"])

    assert publish_each(wanted[10:], app=app) == wanted[10:]

    # The client makes up to three attempts.
    assert calls(queue) == 3


def test_a_failure_half_way_returns_the_unsent_pointers(queue: ServiceQueue) -> None:
    wanted = pointers(30)
    queue.strict.fail(status=400, code="AccessDenied", count=1, actions=["SendMessageBatch"])

    assert publish_each(wanted, app=app) == wanted
    assert publish_each(wanted, app=app) == []

    assert len(queue.pointers()) == 30


def test_a_lost_response_does_not_duplicate_pointers(queue: ServiceQueue) -> None:
    queue.strict.lose_answers(count=1, actions=["SendMessageBatch"])

    assert publish_each(pointers(10), app=app) == []

    assert len(queue.pointers()) == 10


def test_if_sqs_is_unreachable_all_pointers_are_returned(queue: ServiceQueue) -> None:
    wanted = pointers(12)
    queue.strict.refuse_connections()
    try:
        assert publish_each(wanted, app=app) == wanted
    finally:
        queue.strict.clear_faults()

    assert publish_each(wanted, app=app) == []
    assert len(queue.pointers()) == 12
