"""A worker goes on with a rotated password of PostgreSQL, without a restart and without a loss."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import boto3
import psycopg2
import pytest
from django.db import connection

from apps.conversations.models import Conversation
from apps.messages.models import ConversationMessages
from embedded.service import run_manage
from embedded.stack import Stack
from tests.e2e.conftest import any_batch_size
from tests.support.builders import close_body, message_body
from tests.support.running_service import Service

ROLE = "rotating_role"
OLD, NEW = "old-pa55word", "new-pa55word"
CONTACTS = 5
# While the database has the new password already, and the source still the old one.
BETWEEN_SECONDS = 15
RECOVERY_SECONDS = 60
END_ITS_SESSIONS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s"

pytestmark = pytest.mark.slow


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where the service gets the password from: its settings, and a function that replaces it."""

    settings: dict[str, str]
    put: Callable[[str], object]


@pytest.fixture
def administrator(service: Service) -> Iterator[Any]:
    """A cursor of a superuser. There is a role for the service, with the old password."""
    with closing(psycopg2.connect(service.environment["DATABASE_URL"])) as session:
        session.autocommit = True
        with session.cursor() as cursor:
            cursor.execute(f"CREATE ROLE {ROLE} LOGIN PASSWORD '{OLD}'")
            cursor.execute(f"GRANT pg_read_all_data, pg_write_all_data TO {ROLE}")
            yield cursor
            cursor.execute(END_ITS_SESSIONS, [ROLE])
            cursor.execute(f"DROP ROLE {ROLE}")


@pytest.fixture(params=["a file", "a secret"])
def source(request: pytest.FixtureRequest, stack: Stack, tmp_path: Path) -> Source:
    """A source with the old password."""
    if request.param == "a file":
        file = tmp_path / "password"
        file.write_text(OLD)
        return Source(settings={"DATABASE_PASSWORD_FILE": str(file)}, put=file.write_text)
    client: Any = boto3.client(
        "secretsmanager", region_name="us-east-1", endpoint_url=stack.moto_url
    )

    def text(password: str) -> str:
        return json.dumps({"username": ROLE, "password": password, "engine": "postgres"})

    arn = client.create_secret(Name=f"rotated-{time.time_ns()}", SecretString=text(OLD))["ARN"]
    return Source(
        settings={
            "DATABASE_SECRET_ARN": arn,
            "AWS_ENDPOINT_URL_SECRETS_MANAGER": stack.moto_url,
        },
        put=lambda password: client.put_secret_value(SecretId=arn, SecretString=text(password)),
    )


def without_password(url: str) -> str:
    """Return the URL with the role, and without a password."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{ROLE}@{parts.hostname}:{parts.port}"))


def send(service: Service, contacts: list[str]) -> None:
    """Send two messages and a close for each contact."""
    for urn in contacts:
        for number in range(2):
            service.send_from(urn, message_body(urn=urn, message={"id": f"m-{number}"}))
        service.send_from(urn, close_body(urn=urn))


def archived() -> dict[str, list[str]]:
    """Return the ids of each contact's archived messages, in order."""
    connection.close()
    found: dict[str, list[str]] = {one.contact_urn: [] for one in Conversation.objects.all()}
    parts: Any = ConversationMessages.objects.select_related("conversation").order_by("part")
    for part in parts:
        found[part.conversation.contact_urn] += [message["id"] for message in part.messages]
    return found


@any_batch_size
def test_a_rotated_password_is_used_without_a_restart_and_nothing_is_lost(
    service: Service, administrator: Any, source: Source
) -> None:
    service.environment |= source.settings
    service.environment["DATABASE_URL"] = without_password(service.environment["DATABASE_URL"])
    worker = service.start_worker()
    send(service, ["telegram:before"])
    service.wait_until_empty()

    administrator.execute(f"ALTER ROLE {ROLE} PASSWORD '{NEW}'")
    administrator.execute(END_ITS_SESSIONS, [ROLE])
    contacts = [f"telegram:{number}" for number in range(CONTACTS)]
    send(service, contacts)
    service.wait_until(lambda: "event_held" in worker.log_text())
    time.sleep(BETWEEN_SECONDS)
    assert service.dead_letter_count() == 0
    source.put(NEW)

    service.wait_until_empty(timeout=RECOVERY_SECONDS)
    assert archived() == {urn: ["m-0", "m-1"] for urn in ["telegram:before", *contacts]}
    assert service.dead_letter_count() == 0
    # Commands use the new password, too, and nothing has logged either of them.
    run_manage(arguments=["migrate", "--check"], environment=service.environment, logs=service.logs)
    logged = "".join(log.read_text(errors="replace") for log in service.logs.glob("*.log"))
    assert OLD not in logged
    assert NEW not in logged
