"""The service behind the real PgBouncer, in both modes that keep transactions whole.

make test-pgbouncer
"""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import boto3
import psycopg2
import pytest

from embedded.processes import ProcessError
from embedded.service import prepare, run_manage, running_worker
from embedded.stack import Stack, running_stack
from tests.pgbouncer.server import running_pgbouncer
from tests.support.builders import close_body, message_body

ROLE, PASSWORD = "service", "for-this-test"
CONTACTS = 40
MESSAGES = 5
EFFECT_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class Behind:
    """A service that uses PostgreSQL through PgBouncer; `direct_url` does not."""

    stack: Stack
    direct_url: str
    environment: Mapping[str, str]

    def ask(self, statement: str, *, url: str | None = None) -> Any:
        """Return the first column of the first row."""
        connection = psycopg2.connect(url or self.direct_url)
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement)
                ((value, *_others), *_rows) = cursor.fetchall()
                return value
        finally:
            connection.close()

    def doctor(self) -> dict[str, str]:
        """Return the status of every check of `manage.py doctor --json`."""
        log = self.stack.logs / "manage-doctor.log"
        log.unlink(missing_ok=True)
        # It fails because no beat runs; only the findings matter here.
        with suppress(ProcessError):
            run_manage(
                arguments=["doctor", "--json"], environment=self.environment, logs=self.stack.logs
            )
        text = log.read_text()
        document = json.loads(text[text.index("{") : text.rindex("}") + 1])
        return {finding["check"]: finding["status"] for finding in document["findings"]}


@pytest.fixture(params=["session", "transaction"])
def behind(request: pytest.FixtureRequest) -> Iterator[Behind]:
    """An empty database of an ordinary role, behind PgBouncer."""
    with running_stack() as stack:
        admin = psycopg2.connect(stack.database_url)
        admin.autocommit = True
        with admin.cursor() as cursor:
            cursor.execute(f"CREATE ROLE {ROLE} LOGIN PASSWORD '{PASSWORD}'")
            cursor.execute(f"ALTER DATABASE conversations OWNER TO {ROLE}")
        admin.close()
        server = urlsplit(stack.database_url)
        direct_url = urlunsplit(
            server._replace(netloc=f"{ROLE}:{PASSWORD}@{server.hostname}:{server.port}")
        )
        with running_pgbouncer(
            database_url=direct_url, pool_mode=request.param, logs=stack.logs
        ) as url:
            yield Behind(
                stack=stack,
                direct_url=direct_url,
                environment={**stack.environment, "DATABASE_URL": url},
            )


def test_events_take_effect_behind_a_pooler_and_none_is_quarantined(behind: Behind) -> None:
    prepare(environment=behind.environment, logs=behind.stack.logs)

    with running_worker(environment=behind.environment, logs=behind.stack.logs, concurrency=4):
        publish(behind)
        archived = "SELECT count(*) FROM conversations_conversation WHERE archived_at IS NOT NULL"
        give_up_at = time.monotonic() + EFFECT_SECONDS
        while behind.ask(archived) < CONTACTS and time.monotonic() < give_up_at:
            time.sleep(0.2)

    assert behind.ask(archived) == CONTACTS
    messages = "SELECT sum(message_count) FROM conversations_conversation"
    assert behind.ask(messages) == CONTACTS * MESSAGES
    assert dead_letters(behind) == 0


def test_the_bounds_hold_behind_a_pooler_once_it_is_provisioned(behind: Behind) -> None:
    run_manage(
        arguments=["migrate", "--no-input"],
        environment=behind.environment,
        logs=behind.stack.logs,
    )
    assert behind.doctor()["postgresql.bounds"] == "error"

    run_manage(arguments=["provision"], environment=behind.environment, logs=behind.stack.logs)
    behind.ask(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
        " WHERE usename = current_user AND pid <> pg_backend_pid()"
    )

    assert behind.doctor()["postgresql.bounds"] == "ok"
    through = behind.environment["DATABASE_URL"]
    assert behind.ask("SHOW lock_timeout", url=through) == "5s"
    assert behind.ask("SHOW statement_timeout", url=through) == "30s"


def publish(behind: Behind) -> None:
    """Send messages and a close for each contact."""
    sqs = boto3.client(
        "sqs",
        region_name="us-east-1",
        endpoint_url=behind.environment["AWS_ENDPOINT_URL_SQS"],
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )
    for contact in range(CONTACTS):
        urn = f"telegram:{contact}"
        bodies = [message_body(urn=urn, message={"id": f"m-{one}"}) for one in range(MESSAGES)]
        entries: Any = [
            {
                "Id": str(place),
                "MessageBody": body,
                "MessageGroupId": urn,
                "MessageDeduplicationId": f"{contact}-{place}",
            }
            for place, body in enumerate([*bodies, close_body(urn=urn)])
        ]
        sqs.send_message_batch(
            QueueUrl=behind.environment["SQS_CONVERSATION_QUEUE_URL"], Entries=entries
        )


def dead_letters(behind: Behind) -> int:
    """Return how many messages are in the dead-letter queue."""
    sqs = boto3.client(
        "sqs",
        region_name="us-east-1",
        endpoint_url=behind.environment["AWS_ENDPOINT_URL_SQS"],
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )
    attributes = sqs.get_queue_attributes(
        QueueUrl=behind.environment["SQS_CONVERSATION_DLQ_URL"],
        AttributeNames=["ApproximateNumberOfMessages"],
    )["Attributes"]
    return int(attributes["ApproximateNumberOfMessages"])
