"""A lock on a project's row holds the events of that project, and no others."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from uuid import UUID, uuid4

import psycopg2
import pytest
from django.db import connection

from apps.conversations.models import Conversation
from apps.conversations.project_models import Project
from tests.e2e.conftest import any_batch_size
from tests.support.builders import CHANNEL, message_body
from tests.support.running_service import Service

# A statement waits up to five seconds for a lock, so rerunning sixty events one by one would take
# minutes.
CONTACTS = 60
LOCKED_SECONDS = 20
# The longest that an event of another project may wait. It may share a batch with events of the
# locked project: their common statement waits for the lock, then each project's events are tried
# again separately. The rest is for a busy test machine.
MAX_WAIT_SECONDS = 16

pytestmark = pytest.mark.slow


@contextmanager
def locked_project(service: Service) -> Iterator[UUID]:
    """Lock the row of a new project, as a transaction that changes its closing rule."""
    project = Project.objects.create(uuid=uuid4())
    connection.close()
    session = psycopg2.connect(service.environment["DATABASE_URL"])
    try:
        with session, session.cursor() as cursor:
            cursor.execute(
                "SELECT 1 FROM conversations_project WHERE uuid = %s FOR NO KEY UPDATE",
                [str(project.uuid)],
            )
            yield project.uuid
    finally:
        session.close()


def send(service: Service, *, project: UUID, contact: str) -> None:
    """Send a message of a new contact."""
    service.send(
        body=message_body(urn=contact, data={"project_uuid": str(project)}),
        group=f"{project}:{CHANNEL}:{contact}",
    )


def opened(project: UUID) -> int:
    """Return how many conversations a project has."""
    return Conversation.objects.filter(project=project).count()


def is_opened(project: UUID) -> bool:
    """Return whether a project has a conversation."""
    return opened(project) > 0


@any_batch_size
def test_a_locked_project_delays_no_other_project(service: Service) -> None:
    worker = service.start_worker(concurrency=2)
    with locked_project(service) as locked:
        for number in range(CONTACTS):
            send(service, project=locked, contact=f"telegram:{number}")
            if number < 5:
                send(service, project=uuid4(), contact="telegram:1")
        end = time.monotonic() + LOCKED_SECONDS
        waits = []
        while time.monotonic() < end:
            project, sent_at = uuid4(), time.monotonic()
            send(service, project=project, contact="telegram:1")
            service.wait_until(partial(is_opened, project), timeout=60)
            waits.append(time.monotonic() - sent_at)
        assert max(waits) <= MAX_WAIT_SECONDS, waits
        # Once some runs have waited for the lock, the other projects have a process to themselves.
        assert sorted(waits)[len(waits) // 2] <= 2, waits
        assert opened(locked) == 0

    service.wait_until_empty(timeout=60)
    assert opened(locked) == CONTACTS
    assert "circuit_opened" not in worker.log_text()
