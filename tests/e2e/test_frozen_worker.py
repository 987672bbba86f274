"""A worker is frozen until its lease ends, and continues after others have done its work."""

from pathlib import Path

from apps.conversations.models import Conversation, Resolution
from embedded.processes import ManagedProcess
from tests.e2e.conftest import any_batch_size
from tests.support.frozen_worker import (
    GROUP,
    close_by_tick,
    freeze_at,
    second_pass,
    send_message,
    start_two_workers,
    thaw,
)
from tests.support.running_service import Service
from tests.support.stored import archived, archived_ids, stored_ids


@any_batch_size
def test_a_worker_that_stores_a_message_again_after_the_close_creates_no_duplicate(
    service: Service, tmp_path: Path
) -> None:
    plan = start_two_workers(service, directory=tmp_path)
    send_message(service, number=1)
    service.wait_until_empty()
    frozen = freeze_at(service, plan, number=2, group=GROUP)
    send_message(service, number=3)
    service.expire_leases()
    service.wait_until_empty()
    closed = close_by_tick(service)
    send_message(service, number=4)
    service.wait_until_empty()
    before = list(archived(conversation_uuid=closed.uuid))
    ended = ended_events(frozen)

    thaw(frozen)
    # It stores the message under a key that the archive has merged.
    service.wait_until(lambda: ended_events(frozen) > ended)
    send_message(service, number=5)
    service.wait_until_empty()
    second_pass(service, closed)

    assert archived_ids(closed) == ["m-1", "m-2", "m-3"]
    assert list(archived(conversation_uuid=closed.uuid)) == before
    assert stored_ids(closed) == []
    following = Conversation.objects.get(resolution=Resolution.IN_PROGRESS)
    assert stored_ids(following) == ["m-4", "m-5"]


def ended_events(worker: ManagedProcess) -> int:
    """Return how many events a worker has run to their end."""
    return worker.log_text().count('"event_ended"')
