"""`manage.py status` reads SQS, PostgreSQL and the control broker, and waits for none of them."""

import io
import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django_celery_beat.models import PeriodicTask

from apps.analytics.models import OutboxEvent
from apps.common.clock import now
from config.celery import app
from embedded.stack import Stack
from operations.management.commands import status as command
from operations.provisioning import ensure_queues
from operations.status import reading
from tasks.schedules import ensure_schedules
from testbed.proxy import SwallowingProxy, running_proxy
from testbed.sqs import SqsServer
from testbed.sqs.fifo import client_of
from tests.support.backlogs import dead_letter, outbox_row
from tests.support.closings import closing_at
from tests.support.endpoints import endpoint
from tests.support.worker_reports import record_heartbeat

# Other threads read the test's rows through their own connections.
pytestmark = pytest.mark.django_db(transaction=True)

# What the status promises, with some time for a busy machine.
BOUND = 2.0


@pytest.fixture(autouse=True)
def _own_readers(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Forget the readers of other tests, whose threads may still be waiting. Use no broker."""
    monkeypatch.setitem(vars(app), "control_broker_url", "")
    reading._readers.cache_clear()
    yield
    reading._readers.cache_clear()


@pytest.fixture(autouse=True)
def sqs(strict_sqs: SqsServer, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """New queues on the strict SQS server, and a client of it."""
    name = f"status-{uuid4().hex[:8]}"
    settings.SQS_CONVERSATION_QUEUE_URL = strict_sqs.queue_url(f"{name}.fifo")
    settings.SQS_CONVERSATION_DLQ_URL = strict_sqs.queue_url(f"{name}-dlq.fifo")
    with endpoint("sqs", strict_sqs.url, monkeypatch=monkeypatch):
        ensure_queues()
        yield client_of(strict_sqs.url)


@pytest.fixture(autouse=True)
def _running(sqs: Any) -> None:
    """A worker and a beat that seem to run."""
    ensure_schedules()
    record_heartbeat()
    PeriodicTask.objects.update(last_run_at=now() - timedelta(seconds=30))


def status(*arguments: str) -> tuple[str, str]:
    """Run the command. Return its output and its error, which is empty if it succeeds."""
    output, ended = io.StringIO(), ""
    try:
        call_command("status", *arguments, stdout=output)
    except CommandError as error:
        ended = str(error)
    return output.getvalue(), ended


def lines() -> dict[str, dict[str, Any]]:
    """Return the lines of the command, by name."""
    return {line["name"]: line for line in json.loads(status("--json")[0])["lines"]}


def states(found: dict[str, dict[str, Any]]) -> dict[str, str]:
    """Return the lines that are not good, with their states."""
    return {name: line["state"] for name, line in found.items() if line["state"] != "good"}


PENDING = ("dead_letters", "closings", "archives", "erasures", "outbox", "data_lake")
OF_POSTGRESQL = {*PENDING, "beat", "version"}
# Without a control broker, nobody can list the held events.
WITHOUT_BROKER = {"control_broker": "unknown", "held_events": "unknown"}


def test_nothing_is_wrong_with_a_stack_on_which_nothing_waits() -> None:
    output, error = status("--json")

    assert error == ""
    found = json.loads(output)
    assert states({line["name"]: line for line in found["lines"]}) == WITHOUT_BROKER
    assert found["state"] == "unknown"


def test_waiting_work_is_read_from_sqs_and_postgresql(sqs: Any, settings: Any) -> None:
    for url in (settings.SQS_CONVERSATION_QUEUE_URL, settings.SQS_CONVERSATION_DLQ_URL):
        for number in range(3):
            sqs.send_message(
                QueueUrl=url,
                MessageBody="{}",
                MessageGroupId=f"group-{number}",
                MessageDeduplicationId=str(number),
            )
    sqs.receive_message(QueueUrl=settings.SQS_CONVERSATION_QUEUE_URL, MaxNumberOfMessages=1)
    for number, reason in enumerate(("bug", "bug", "not_json")):
        dead_letter(number, reason=reason, queued_at=now())
    closing_at(now() - timedelta(minutes=6))
    for number, minutes in enumerate((0, 5, 30, 90)):
        outbox_row(number, created_at=now() - timedelta(minutes=minutes))
    OutboxEvent.objects.filter(pk=OutboxEvent.objects.latest("pk").pk).update(delivered_at=now())

    found = lines()

    assert found["queue"]["values"]["waiting_messages"] == 2
    assert found["queue"]["values"]["in_flight_messages"] == 1
    assert found["dead_letter_queue"]["values"]["waiting_messages"] == 3
    assert found["dead_letters"]["values"]["by_reason"] == {"bug": 2, "not_json": 1}
    assert found["closings"]["values"]["overdue"] == 1
    by_age = found["outbox"]["values"]["by_age"]
    assert [row["events"] for row in by_age] == [1, 1, 1, 0]
    assert found["data_lake"]["values"]["last_delivery_age_seconds"] < 60
    assert states(found) == {
        **WITHOUT_BROKER,
        "dead_letter_queue": "warning",
        "dead_letters": "warning",
        "closings": "warning",
        "outbox": "warning",
    }


def test_a_bad_line_sets_the_exit_status() -> None:
    PeriodicTask.objects.update(last_run_at=now() - timedelta(hours=2))

    output, error = status()

    assert error == "Bad lines: 1 of 17."
    assert "bad     Beat" in output
    assert "celery -A config beat" in output


def test_a_locked_table_hides_only_its_own_lines() -> None:
    with other_session() as cursor:
        cursor.execute("LOCK TABLE conversations_conversation IN ACCESS EXCLUSIVE MODE")
        found = lines()

    # One reading has all pending work.
    assert states(found) == {**WITHOUT_BROKER, **dict.fromkeys(PENDING, "unknown")}


@contextmanager
def other_session() -> Iterator[Any]:
    """Open a transaction in another session, and roll it back at the end of the block."""
    session = connection.copy()
    try:
        session.set_autocommit(False)
        with session.cursor() as cursor:
            yield cursor
    finally:
        session.close()


@pytest.fixture
def proxied(
    stack: Stack, strict_sqs: SqsServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dict[str, SwallowingProxy]]:
    """Proxies to SQS, PostgreSQL and the control broker, through which the status reads."""
    with ExitStack() as exits:
        urls = {
            "sqs": strict_sqs.url,
            "postgresql": stack.database_url,
            "control": stack.control_url,
        }
        proxies = {name: exits.enter_context(running_proxy(url=url)) for name, url in urls.items()}
        exits.enter_context(
            endpoint("sqs", proxies["sqs"].url(strict_sqs.url), monkeypatch=monkeypatch)
        )
        monkeypatch.setitem(
            vars(app), "control_broker_url", proxies["control"].url(stack.control_url)
        )
        # Only for the connections that other threads open: that of the test stays as it is.
        connection.ensure_connection()
        monkeypatch.setitem(connection.settings_dict, "PORT", str(proxies["postgresql"].port))
        yield proxies


@pytest.mark.parametrize(
    ("hanging", "unknown"),
    [
        ({"sqs"}, {"queue", "dead_letter_queue"}),
        ({"control"}, {"control_broker", "held_events"}),
        ({"postgresql"}, OF_POSTGRESQL),
        (
            {"sqs", "control", "postgresql"},
            {
                *("queue", "dead_letter_queue", "control_broker", "held_events", "workers"),
                *("receiving", "circuit", "set_aside", "sqs_calls"),
                *OF_POSTGRESQL,
            },
        ),
    ],
    ids=lambda one: "-".join(sorted(one)) if len(one) < 4 else "",
)
def test_a_source_that_hangs_is_unknown_and_the_rest_is_shown_in_time(
    proxied: dict[str, SwallowingProxy], hanging: set[str], unknown: set[str]
) -> None:
    for name in hanging:
        proxied[name].swallow()
    begun_at = time.monotonic()

    found = lines()

    assert time.monotonic() - begun_at < BOUND
    assert unknown <= {name for name, line in found.items() if line["state"] == "unknown"}
    for name in unknown:
        assert found[name]["sentence"]
    known = {name: found[name]["state"] for name in found.keys() - unknown}
    if "control" in hanging:
        assert set(known.values()) <= {"good"}
    if "sqs" not in hanging:
        assert known["queue"] == "good"
    if "control" not in hanging:
        assert known["control_broker"] == "good", found["control_broker"]["sentence"]
    if "postgresql" not in hanging:
        assert known["beat"] == known["version"] == "good"


def test_the_status_is_shown_while_postgresql_is_down(monkeypatch: pytest.MonkeyPatch) -> None:
    connection.ensure_connection()
    monkeypatch.setitem(connection.settings_dict, "PORT", "9")

    output, _error = status()

    words = " ".join(output.split())
    assert "good Events' queue No event waits" in words
    assert "unknown Beat PostgreSQL cannot be read (OperationalError)." in words


def test_watching_shows_the_status_again_until_it_is_interrupted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(command, "sleep", pause)

    output, error = status("--watch", "2")

    assert (pauses, error) == ([2, 2, 2], "")
    assert output.count("Events' queue") == 3
