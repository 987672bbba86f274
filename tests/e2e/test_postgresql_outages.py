"""An error that many events would meet is an outage, and quarantines nothing."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg2
import pytest
from django.db import connection

from apps.conversations.models import Conversation
from apps.messages.models import ConversationMessages
from tests.e2e.conftest import Service, any_batch_size
from tests.support.builders import CHANNEL, PROJECT, close_body, message_body

# Longer than the runs after which an unexpected failure is quarantined: the first one, in the ended
# session, and five reruns after 0.5 + 1 + 2 + 4 + 8 seconds.
OUTAGE_SECONDS = 18
RECOVERY_SECONDS = 60
HELD = "event_held"

# The statement of an operator, a failover or a deployment that begins an outage, and its reverse.
OUTAGES = {
    "read-only after a failover": (
        "ALTER DATABASE {database} SET default_transaction_read_only = on",
        "ALTER DATABASE {database} RESET default_transaction_read_only",
    ),
    "a table is missing": (
        "ALTER TABLE conversations_conversation RENAME TO not_migrated",
        "ALTER TABLE not_migrated RENAME TO conversations_conversation",
    ),
    "the function is missing": (
        "ALTER FUNCTION conversations_find_or_open_v1 RENAME TO not_migrated",
        "ALTER FUNCTION not_migrated RENAME TO conversations_find_or_open_v1",
    ),
}


class Administrator:
    """A session of a superuser, which outages do not affect."""

    def __init__(self, url: str) -> None:
        self._session = psycopg2.connect(url)
        self._session.autocommit = True

    def run(self, statement: str) -> None:
        """Run a statement, then end the service's sessions, as a failover does."""
        with self._session.cursor() as cursor:
            cursor.execute("SET default_transaction_read_only = off")
            cursor.execute(statement.format(database=self._session.info.dbname))
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )

    def close(self) -> None:
        """End the session."""
        self._session.close()


@contextmanager
def outage(administrator: Administrator, *, begin: str, end: str) -> Iterator[None]:
    """Cause the outage while the block runs."""
    connection.close()
    administrator.run(begin)
    try:
        yield
    finally:
        administrator.run(end)
        connection.close()


@pytest.fixture
def administrator(service: Service) -> Iterator[Administrator]:
    """A user who may change the service's database."""
    administrator = Administrator(service.environment["DATABASE_URL"])
    yield administrator
    administrator.close()


def send(service: Service, *, contact: str, message_ids: list[str]) -> None:
    """Send messages of a contact, then a close."""
    group = f"{PROJECT}:{CHANNEL}:{contact}"
    for message_id in message_ids:
        service.send(body=message_body(urn=contact, message={"id": message_id}), group=group)
    service.send(body=close_body(urn=contact), group=group)


def archived() -> dict[str, list[str]]:
    """Return the ids of each contact's archived messages, in order."""
    parts: Any = ConversationMessages.objects.select_related("conversation").order_by("part")
    found: dict[str, list[str]] = {one.contact_urn: [] for one in Conversation.objects.all()}
    for part in parts:
        found[part.conversation.contact_urn] += [message["id"] for message in part.messages]
    return found


def dead_letters(service: Service) -> int:
    """Return how many events are in the dead-letter queue."""
    attributes = service.sqs.get_queue_attributes(
        QueueUrl=service.environment["SQS_CONVERSATION_DLQ_URL"],
        AttributeNames=["ApproximateNumberOfMessages"],
    )["Attributes"]
    return int(attributes["ApproximateNumberOfMessages"])


@any_batch_size
@pytest.mark.parametrize(
    ("outage_name", "contacts"),
    [
        *((name, 5) for name in OUTAGES),
        pytest.param("read-only after a failover", 1, id="one contact in a quiet hour"),
    ],
)
def test_events_wait_for_a_postgresql_that_refuses_all_of_them(
    service: Service, administrator: Administrator, outage_name: str, contacts: int
) -> None:
    begin, end = OUTAGES[outage_name]
    worker = service.start_worker()
    # A worker that starts during an outage receives no event.
    send(service, contact="telegram:before", message_ids=["m-1"])
    service.wait_until_empty()
    expected = {"telegram:before": ["m-1"]}
    expected |= {f"telegram:{number}": ["m-1", "m-2"] for number in range(contacts)}

    with outage(administrator, begin=begin, end=end):
        for contact in list(expected)[1:]:
            send(service, contact=contact, message_ids=expected[contact])
        service.wait_until(lambda: HELD in worker.log_text())
        time.sleep(OUTAGE_SECONDS)
        assert dead_letters(service) == 0

    service.wait_until_empty(timeout=RECOVERY_SECONDS)
    assert archived() == expected
    assert dead_letters(service) == 0
