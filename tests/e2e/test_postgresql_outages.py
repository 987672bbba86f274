"""An error that would affect many events is an outage, and no event is quarantined for it."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg2
import pytest
from django.db import connection

from apps.analytics.models import SurveyAnswer
from apps.conversations.models import Conversation
from apps.messages.models import ConversationMessages
from testbed.database_changes import (
    CUT_CONNECTIONS,
    MISSING_FUNCTION,
    MISSING_TABLE,
    READ_ONLY,
    Change,
)
from tests.e2e.conftest import any_batch_size
from tests.support.builders import close_body, message_body, survey_body
from tests.support.running_service import Service

# Long enough to quarantine an event with an unexpected failure: its first run, and five reruns
# after waits of 0.5, 1, 2, 4 and 8 seconds.
OUTAGE_SECONDS = 18
RECOVERY_SECONDS = 60
HELD = "event_held"

pytestmark = pytest.mark.slow

OUTAGES = {
    "read-only after a failover": READ_ONLY,
    "a table is missing": MISSING_TABLE,
    "the function is missing": MISSING_FUNCTION,
}

# PostgreSQL reports this fault of one table with an SQLSTATE that the service does not know.
ANSWERS_REFUSED = Change(
    begin=(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'refused'; END $$",
        "CREATE TRIGGER refuse BEFORE INSERT ON analytics_surveyanswer"
        " FOR EACH ROW EXECUTE FUNCTION refuse()",
    ),
    end=("DROP FUNCTION refuse CASCADE",),
)
WITHOUT_WAITING = 5


class Administrator:
    """A session of a superuser, which outages do not affect."""

    def __init__(self, url: str) -> None:
        self._session = psycopg2.connect(url)
        self._session.autocommit = True

    def run(self, statements: Sequence[str]) -> None:
        """Run statements, then end the service's sessions, as a failover does."""
        with self._session.cursor() as cursor:
            cursor.execute("SET default_transaction_read_only = off")
            for statement in (*statements, CUT_CONNECTIONS):
                cursor.execute(statement.format(database=self._session.info.dbname))

    def close(self) -> None:
        """End the session."""
        self._session.close()


@contextmanager
def outage(administrator: Administrator, change: Change) -> Iterator[None]:
    """Cause the outage while the block runs."""
    connection.close()
    administrator.run(change.begin)
    try:
        yield
    finally:
        administrator.run(change.end)
        connection.close()


@pytest.fixture
def administrator(service: Service) -> Iterator[Administrator]:
    """A user who may change the service's database."""
    administrator = Administrator(service.environment["DATABASE_URL"])
    yield administrator
    administrator.close()


def send(service: Service, *, contact: str, message_ids: list[str]) -> None:
    """Send messages of a contact, then a close."""
    for message_id in message_ids:
        service.send_from(contact, message_body(urn=contact, message={"id": message_id}))
    service.send_from(contact, close_body(urn=contact))


def archived() -> dict[str, list[str]]:
    """Return the ids of each contact's archived messages, in order."""
    parts: Any = ConversationMessages.objects.select_related("conversation").order_by("part")
    found: dict[str, list[str]] = {one.contact_urn: [] for one in Conversation.objects.all()}
    for part in parts:
        found[part.conversation.contact_urn] += [message["id"] for message in part.messages]
    return found


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
    worker = service.start_worker()
    # A worker that starts during an outage receives no event.
    send(service, contact="telegram:before", message_ids=["m-1"])
    service.wait_until_empty()
    expected = {"telegram:before": ["m-1"]}
    expected |= {f"telegram:{number}": ["m-1", "m-2"] for number in range(contacts)}

    with outage(administrator, OUTAGES[outage_name]):
        for contact in list(expected)[1:]:
            send(service, contact=contact, message_ids=expected[contact])
        service.wait_until(lambda: HELD in worker.log_text())
        time.sleep(OUTAGE_SECONDS)
        assert service.dead_letter_count() == 0

    service.wait_until_empty(timeout=RECOVERY_SECONDS)
    assert archived() == expected
    assert service.dead_letter_count() == 0


@any_batch_size
def test_a_fault_that_affects_only_answers_stops_no_message_and_quarantines_no_answer(
    service: Service, administrator: Administrator
) -> None:
    worker = service.start_worker()
    send(service, contact="telegram:before", message_ids=["m-1"])
    service.wait_until_empty()

    with outage(administrator, ANSWERS_REFUSED):
        for number in range(5):
            contact = f"telegram:answer{number}"
            service.send_from(contact, survey_body(urn=contact))
        service.wait_until(lambda: worker.log_text().count(HELD) >= 5)
        ends_at = time.monotonic() + OUTAGE_SECONDS
        while time.monotonic() < ends_at:
            contact = f"telegram:{time.monotonic()}"
            service.send_from(contact, message_body(urn=contact))
            service.wait_until_left(5, timeout=WITHOUT_WAITING)
        assert "circuit_opened" not in worker.log_text()
        assert (service.dead_letter_count(), SurveyAnswer.objects.count()) == (0, 0)

    service.wait_until_empty(timeout=RECOVERY_SECONDS)
    assert (service.dead_letter_count(), SurveyAnswer.objects.count()) == (0, 5)
