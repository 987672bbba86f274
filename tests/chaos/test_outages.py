"""Nothing is lost when many conversations close while PostgreSQL is down and DynamoDB throttles."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg2
import pytest
from django.db import connection
from psycopg2 import sql

from apps.conversations.models import Conversation, Resolution
from apps.messages.models import DeadLetter
from embedded.stack import Stack
from operations.provisioning import ensure_table
from testbed.dynamodb import DynamoDbServer, running_dynamodb_server
from tests.e2e.conftest import any_batch_size
from tests.support.builders import conversation, entries, message_body
from tests.support.closing_stages import START, close_every_second, let_claims_run_out
from tests.support.endpoints import endpoint
from tests.support.running_service import Service
from tests.support.stored import archived, every_item, store_many, stored_entries

CLOSING = 200
MESSAGES = 5
NEW_CONTACTS = 40
OUTAGE_SECONDS = 60
# All conversations must have closed within this time.
PATIENCE = 400

pytestmark = any_batch_size


@pytest.fixture
def dynamodb(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[DynamoDbServer]:
    """The model of DynamoDB, which the service and the test use instead of moto."""
    service.app = "tests.support.faulty_app"
    service.environment["FAULT_PLAN"] = str(tmp_path / "nothing-is-struck")
    with (
        running_dynamodb_server() as server,
        endpoint("dynamodb", server.url, monkeypatch=monkeypatch),
    ):
        service.environment["AWS_ENDPOINT_URL_DYNAMODB"] = server.url
        ensure_table()
        yield server


def test_many_closings_survive_an_outage_of_postgresql_and_a_throttled_dynamodb(
    service: Service, dynamodb: DynamoDbServer, stack: Stack
) -> None:
    prepare_conversations()
    dynamodb.throttle(share=0.5)
    close_every_second()
    worker = service.start_worker(concurrency=8)
    beat = service.start_beat()
    service.wait_until(lambda: archived_count() > CLOSING // 10, timeout=PATIENCE)

    before_outage = archived_count()
    with refusing_database(stack):
        for number in range(NEW_CONTACTS):
            send_message(service, contact=number, number=1)
        time.sleep(OUTAGE_SECONDS)
        for number in range(NEW_CONTACTS):
            send_message(service, contact=number, number=2)
    assert before_outage < CLOSING
    assert beat.is_running

    service.wait_until(lambda: is_over(service), timeout=PATIENCE)
    beat.kill()
    service.wait_until_empty(timeout=PATIENCE)
    dynamodb.clear_faults()
    for dependency in ("PostgreSQL", "DynamoDB"):
        assert f"{dependency} is unavailable" in worker.log_text()
    for number in range(CLOSING):
        closed = Conversation.objects.get(contact_urn=f"closing:{number}")
        ids = [message["id"] for message in archived(conversation_uuid=closed.uuid)]
        assert ids == [f"m-{index:05d}" for index in range(MESSAGES)]
        assert (closed.resolution, closed.message_count) == (Resolution.UNCLASSIFIED, MESSAGES)
    for number in range(NEW_CONTACTS):
        opened = Conversation.objects.get(contact_urn=f"new:{number}")
        stored = stored_entries(conversation_uuid=opened.uuid)
        assert [entry.message_id for entry in stored] == ["m-1", "m-2"]
    assert len(every_item()) == 2 * NEW_CONTACTS
    assert service.dead_letter_count() == 0
    assert not DeadLetter.objects.exists()


def prepare_conversations() -> None:
    due_at = START + timedelta(days=1)
    for number in range(CLOSING):
        made = conversation(urn=f"closing:{number}", opened_at=START)
        store_many(conversation_uuid=made.uuid, entries=entries(number=MESSAGES, start=START))
    Conversation.objects.update(due_at=due_at, closes_at=due_at)


def send_message(service: Service, *, contact: int, number: int) -> None:
    at = START + timedelta(minutes=number)
    message = {"id": f"m-{number}", "created_at": at.isoformat()}
    urn = f"new:{contact}"
    service.send(body=message_body(urn=urn, message=message), group=urn)


@contextmanager
def refusing_database(stack: Stack) -> Iterator[None]:
    """Make PostgreSQL close all connections to the tests' database and refuse new ones."""
    name = sql.Identifier(connection.settings_dict["NAME"])
    connection.close()
    address = urlsplit(stack.database_url)._replace(path="/postgres")
    superuser = psycopg2.connect(urlunsplit(address))
    superuser.autocommit = True
    try:
        with superuser.cursor() as cursor:
            cursor.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(name))
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
                [connection.settings_dict["NAME"]],
            )
            assert cursor.rowcount > 0
            try:
                yield
            finally:
                cursor.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(name))
    finally:
        superuser.close()


def is_over(service: Service) -> bool:
    """Return whether all conversations are archived.

    If not, expire the claims whose pointers were lost in the outage, so that beat claims them
    again.
    """
    if archived_count() == CLOSING:
        return True
    if service.left_on_queue() <= 1:
        let_claims_run_out()
    return False


def archived_count() -> int:
    return Conversation.objects.exclude(archived_at=None).count()
