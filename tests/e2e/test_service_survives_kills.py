"""No event is lost, duplicated or out of order when workers are killed."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest

from apps.conversations.models import Conversation, Resolution
from tests.support.builders import NOON, close_body, message_body
from tests.support.running_service import Service
from tests.support.stored import archived_ids, stored_ids

CONTACTS = 6
BEFORE_CLOSE = 8
AFTER_CLOSE = 4


@pytest.fixture
def times() -> Iterator[datetime]:
    """Yield times that are a minute apart, so that the order of messages is visible."""
    return (NOON + timedelta(minutes=number) for number in count())


def send_message(service: Service, *, contact: str, message_id: str, at: datetime) -> None:
    body = message_body(urn=contact, message={"id": message_id, "created_at": at.isoformat()})
    service.send_from(contact, body)


def send_close(service: Service, *, contact: str) -> None:
    service.send_from(contact, close_body(urn=contact))


def test_killing_the_worker_under_load_does_not_change_the_result(
    service: Service, times: Iterator[datetime]
) -> None:
    contacts = [f"telegram:{number}" for number in range(CONTACTS)]
    first = [f"first-{number}" for number in range(BEFORE_CLOSE)]
    second = [f"second-{number}" for number in range(AFTER_CLOSE)]
    for message_id in first:
        for contact in contacts:
            send_message(service, contact=contact, message_id=message_id, at=next(times))
    for contact in contacts:
        send_close(service, contact=contact)
    for message_id in second:
        for contact in contacts:
            send_message(service, contact=contact, message_id=message_id, at=next(times))
    total = service.left_on_queue()

    worker = service.start_worker()
    for share in (0.8, 0.5, 0.2):
        service.wait_until_left(total * share)
        service.kill(worker)
        worker = service.start_worker()
    service.wait_until_empty(timeout=60)

    for contact in contacts:
        closed, current = Conversation.objects.filter(contact_urn=contact).order_by("opened_at")
        assert closed.resolution == Resolution.RESOLVED
        assert archived_ids(closed) == first
        assert stored_ids(closed) == []
        assert closed.message_count == BEFORE_CLOSE
        assert current.resolution == Resolution.IN_PROGRESS
        assert stored_ids(current) == second


def test_a_kill_between_a_close_and_its_delete_does_not_close_the_next_conversation(
    service: Service, times: Iterator[datetime]
) -> None:
    contact = "telegram:1"
    worker = service.start_worker()
    send_message(service, contact=contact, message_id="m1", at=next(times))
    service.wait_until_empty()
    service.sqs_server.fail(status=500, code="InternalError", actions=["DeleteMessageBatch"])
    send_close(service, contact=contact)
    send_message(service, contact=contact, message_id="m3", at=next(times))
    service.wait_until(lambda: closed_conversations().exists())
    service.sqs_server.clear_faults()
    service.kill(worker)
    service.start_worker()
    service.wait_until_empty()

    closed, current = Conversation.objects.order_by("opened_at")
    assert (closed.resolution, archived_ids(closed)) == (Resolution.RESOLVED, ["m1"])
    assert (current.resolution, stored_ids(current)) == (Resolution.IN_PROGRESS, ["m3"])


def test_events_that_are_replayed_after_a_kill_before_their_deletes_change_nothing(
    service: Service, times: Iterator[datetime]
) -> None:
    """M1 and M2 took effect but were not deleted, so all events are delivered again."""
    contact = "telegram:1"
    service.sqs_server.fail(status=500, code="InternalError", actions=["DeleteMessageBatch"])
    # One receive returns them all: later, the group is locked until their deletes.
    send_message(service, contact=contact, message_id="m1", at=next(times))
    send_message(service, contact=contact, message_id="m2", at=next(times))
    send_close(service, contact=contact)
    send_message(service, contact=contact, message_id="m3", at=next(times))
    worker = service.start_worker()
    service.wait_until(lambda: stored_of_only_conversation() == ["m1", "m2"])
    service.sqs_server.clear_faults()
    service.kill(worker)
    service.start_worker()
    service.wait_until_empty()

    closed, current = Conversation.objects.order_by("opened_at")
    assert archived_ids(closed) == ["m1", "m2"]
    assert stored_ids(current) == ["m3"]


def closed_conversations() -> Any:
    return Conversation.objects.exclude(resolution=Resolution.IN_PROGRESS)


def stored_of_only_conversation() -> list[str]:
    conversation = Conversation.objects.first()
    return stored_ids(conversation) if conversation else []
