"""The service works behind the real PgBouncer, in session mode and in transaction mode.

make test-pgbouncer
"""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import psycopg2
import pytest

from embedded.processes import ProcessError
from embedded.service import prepare, run_manage, running_worker
from embedded.stack import Stack, running_stack
from testbed.sqs.fifo import client_of
from testbed.traffic.sending import depth
from tests.pgbouncer.server import owned_by_a_role, running_pgbouncer
from tests.support.builders import close_body, message_body

CONTACTS = 40
MESSAGES = 5
EFFECT_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class Behind:
    """A service that uses PostgreSQL through PgBouncer. `direct_url` leads to PostgreSQL itself."""

    stack: Stack
    direct_url: str
    environment: Mapping[str, str]

    def ask(self, statement: str, *, url: str | None = None) -> Any:
        """Run a query, and return the first column of the first row."""
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
        # The command fails because no beat runs. Only the findings matter here.
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
        direct_url = owned_by_a_role(stack.database_url)
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


def test_time_limits_apply_behind_a_pooler_after_provisioning(behind: Behind) -> None:
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
    sqs = client_of(behind.environment["AWS_ENDPOINT_URL_SQS"])
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
    sqs = client_of(behind.environment["AWS_ENDPOINT_URL_SQS"])
    return depth(sqs, behind.environment["SQS_CONVERSATION_DLQ_URL"])
