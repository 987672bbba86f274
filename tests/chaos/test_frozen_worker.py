"""A worker is frozen while it has a message, and continues after others have processed it."""

from pathlib import Path

from apps.conversations.models import Conversation
from tests.e2e.conftest import any_batch_size
from tests.support.fault_points import Strike, arm
from tests.support.frozen_worker import (
    GROUP,
    OTHER_GROUP,
    before_storing,
    close_by_tick,
    freeze_at,
    is_frozen,
    second_pass,
    send_message,
    start_two_workers,
    thaw,
)
from tests.support.running_service import Service
from tests.support.stored import archived_ids, stored_ids
from tests.support.struck_service import wait_for_open_polls

pytestmark = any_batch_size


def test_a_message_written_after_the_conversation_was_archived_is_archived_by_the_second_pass(
    service: Service, tmp_path: Path
) -> None:
    """The late message has another group id, so that no other event repeats it."""
    # The lease of the frozen worker must last for the whole test.
    service.environment["SQS_CONVERSATION_VISIBILITY_TIMEOUT"] = "300"
    plan = start_two_workers(service, directory=tmp_path)
    send_message(service, number=1)
    send_message(service, number=3)
    service.wait_until_empty()
    frozen = freeze_at(service, plan, number=2, group=OTHER_GROUP)

    closed = close_by_tick(service)
    assert archived_ids(closed) == ["m-1", "m-3"]
    thaw(frozen)
    service.wait_until_empty()
    assert stored_ids(closed) == ["m-2"]
    second_pass(service, closed)

    assert archived_ids(closed) == ["m-1", "m-2", "m-3"]
    assert stored_ids(closed) == []
    closed.refresh_from_db()
    assert closed.message_count == 3


def test_the_expired_receipt_handle_of_a_thawed_worker_does_not_let_messages_overtake(
    service: Service, tmp_path: Path
) -> None:
    """The second worker has received the same message, and is frozen, too."""
    plan = start_two_workers(service, directory=tmp_path)
    send_message(service, number=1)
    service.wait_until_empty()
    first = freeze_at(service, plan, number=2, group=GROUP)
    send_message(service, number=3)
    arm(plan, [(before_storing(2), Strike.FREEZE_WORKER)])
    service.expire_leases()
    service.wait_until(lambda: all(map(is_frozen, service.workers)))
    (second,) = (worker for worker in service.workers if worker is not first)

    thaw(first)
    service.wait_until(lambda: "InvalidParameterValue" in results_of_deletes(service))
    wait_for_open_polls()
    current = Conversation.objects.get()
    assert stored_ids(current) == ["m-1", "m-2"]
    assert service.left_on_queue() == 2
    thaw(second)
    service.wait_until_empty()

    assert stored_ids(current) == ["m-1", "m-2", "m-3"]
    assert Conversation.objects.count() == 1


def results_of_deletes(service: Service) -> list[str]:
    calls = service.sqs_server.calls(action="DeleteMessageBatch")
    return [entry.result for call in calls if call.queue == service.queue for entry in call.entries]
