"""The service recovers from connections whose peers no longer respond, although they stay open."""

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta

import psycopg2
import pytest
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from apps.analytics.models import OutboxEvent
from apps.common.clock import now
from tasks.closing import close_due_conversations
from testbed.proxy import SwallowingProxy, running_proxy
from tests.e2e.conftest import any_batch_size
from tests.e2e.test_postgresql_outages import archived, send
from tests.support.builders import message_body, survey_body, window_body
from tests.support.closings import closing_at
from tests.support.failing_app import BUG
from tests.support.running_fifo_app import FifoApp
from tests.support.running_service import Service
from tests.support.sentry_server import running_sentry_server

pytestmark = [any_batch_size, pytest.mark.slow]

# The time limit for the first event after a fault, in seconds.
RECOVERS_WITHIN = 60
# The time limit for an event that the fault does not concern, in seconds.
WITHOUT_WAITING = 5
# Shorter than the default, to keep the tests short. No statement of a test takes that long.
DATABASE_TIMEOUT = 6
FAULT_SECONDS = 15


@contextmanager
def proxied(service: Service, name: str) -> Iterator[SwallowingProxy]:
    """Make the service reach a server through a proxy, and yield the proxy.

    `name` is the variable with the server's address. The test itself connects to the server
    directly.
    """
    with running_proxy(url=service.environment[name]) as proxy:
        service.environment[name] = proxy.url(service.environment[name])
        yield proxy


@pytest.fixture
def database_url(service: Service) -> str:
    """Return the address of PostgreSQL itself."""
    return service.environment["DATABASE_URL"]


@pytest.fixture
def postgresql(service: Service, database_url: str) -> Iterator[SwallowingProxy]:
    """Run a proxy to PostgreSQL."""
    service.environment["DATABASE_TIMEOUT"] = str(DATABASE_TIMEOUT)
    with proxied(service, "DATABASE_URL") as proxy:
        yield proxy


@pytest.fixture
def dynamodb(service: Service) -> Iterator[SwallowingProxy]:
    """Run a proxy to DynamoDB."""
    with proxied(service, "AWS_ENDPOINT_URL_DYNAMODB") as proxy:
        yield proxy


def take_effect(service: Service, *, contact: str) -> None:
    """Send a message and a close, and check that all events take effect in time."""
    send(service, contact=contact, message_ids=["m-1"])
    service.wait_until_empty(timeout=RECOVERS_WITHIN)
    assert archived()[contact] == ["m-1"]
    assert service.dead_letter_count() == 0


@contextmanager
def locked_conversations(database_url: str) -> Iterator[None]:
    """Lock the table of conversations, so that statements wait for it."""
    with closing(psycopg2.connect(database_url)) as session:
        session.cursor().execute("LOCK TABLE conversations_conversation IN ACCESS EXCLUSIVE MODE")
        yield


def waits_for_lock(database_url: str) -> bool:
    """Return whether a statement waits for a lock."""
    with closing(psycopg2.connect(database_url)) as session, session.cursor() as cursor:
        cursor.execute("SELECT FROM pg_locks WHERE NOT granted")
        return cursor.rowcount > 0


def test_idle_connections_to_postgresql_are_replaced(
    service: Service, postgresql: SwallowingProxy
) -> None:
    service.start_worker()
    take_effect(service, contact="telegram:before")
    postgresql.lose_connections()
    take_effect(service, contact="telegram:after")


def test_a_statement_whose_answer_is_swallowed_runs_again(
    service: Service, database_url: str, postgresql: SwallowingProxy
) -> None:
    service.start_worker()
    take_effect(service, contact="telegram:before")
    with locked_conversations(database_url):
        send(service, contact="telegram:during", message_ids=["m-1"])
        service.wait_until(lambda: waits_for_lock(database_url))
        postgresql.swallow()
    time.sleep(FAULT_SECONDS)
    postgresql.pass_on()
    take_effect(service, contact="telegram:after")

    assert archived()["telegram:during"] == ["m-1"]


def test_beat_sends_ticks_while_its_connections_to_postgresql_are_swallowed(
    service: Service, postgresql: SwallowingProxy
) -> None:
    schedule = IntervalSchedule.objects.create(every=1, period=IntervalSchedule.SECONDS)
    PeriodicTask.objects.create(name="often", task=close_due_conversations.name, interval=schedule)
    # Without work for the task, beat would send nothing.
    closing_at(now() - timedelta(hours=1))
    service.start_beat()
    service.wait_until(lambda: ticks(service) >= 3)
    postgresql.swallow()
    # The first statement waits for DATABASE_TIMEOUT, and each new connection for five seconds.
    assert longest_gap(service, seconds=2 * FAULT_SECONDS) < 2 * DATABASE_TIMEOUT
    postgresql.pass_on()
    at_end = ticks(service)
    service.wait_until(lambda: ticks(service) > at_end + 5, timeout=RECOVERS_WITHIN)


def longest_gap(service: Service, *, seconds: float) -> float:
    """Watch beat, and return the longest time without a tick, in seconds."""
    seen, since, longest = ticks(service), time.monotonic(), 0.0
    ends_at = since + seconds
    while time.monotonic() < ends_at:
        if ticks(service) > seen:
            seen, since = ticks(service), time.monotonic()
        longest = max(longest, time.monotonic() - since)
        time.sleep(0.1)
    return longest


def ticks(service: Service) -> int:
    """Return how many messages beat has sent."""
    calls = service.sqs_server.calls()
    return sum(call.queue == service.queue and call.action == "SendMessage" for call in calls)


def test_idle_connections_to_dynamodb_are_replaced(
    service: Service, dynamodb: SwallowingProxy
) -> None:
    service.start_worker()
    take_effect(service, contact="telegram:before")
    dynamodb.lose_connections()
    take_effect(service, contact="telegram:after")


def test_events_without_messages_do_not_wait_for_a_dynamodb_that_swallows_requests(
    service: Service, dynamodb: SwallowingProxy
) -> None:
    worker = service.start_worker()
    take_effect(service, contact="telegram:before")
    dynamodb.swallow()
    send(service, contact="telegram:during", message_ids=["m-1"])
    ends_at = time.monotonic() + FAULT_SECONDS
    number = 0
    while time.monotonic() < ends_at:
        left = service.left_on_queue()
        contact = f"telegram:window{number}"
        service.send_from(contact, window_body(urn=contact))
        service.wait_until_left(left, timeout=WITHOUT_WAITING)
        number += 1
    service.wait_until(lambda: "event_held" in worker.log_text())
    dynamodb.pass_on()
    take_effect(service, contact="telegram:after")

    assert archived()["telegram:during"] == ["m-1"]


def test_remote_control_works_again_after_connections_to_the_control_broker_were_swallowed(
    fifo_app: FifoApp,
) -> None:
    broker = fifo_app.start_control_broker()
    with running_proxy(url=broker.url) as proxy:
        fifo_app.environment["CONTROL_URL"] = proxy.url(broker.url)
        fifo_app.start_worker()
        fifo_app.environment["CONTROL_URL"] = broker.url
        fifo_app.wait_until(lambda: pings(fifo_app))
        proxy.swallow()
        fifo_app.send_many(groups=10, events=5)
        fifo_app.wait_until_empty(timeout=WITHOUT_WAITING)
        time.sleep(FAULT_SECONDS)
        proxy.pass_on()
        fifo_app.send_many(groups=10, events=5)
        fifo_app.wait_until_empty(timeout=WITHOUT_WAITING)
        fifo_app.wait_until(lambda: pings(fifo_app), timeout=RECOVERS_WITHIN)
        proxy.lose_connections()
        fifo_app.wait_until(lambda: pings(fifo_app), timeout=RECOVERS_WITHIN)

    assert fifo_app.dead_letters() == []


def pings(fifo_app: FifoApp) -> bool:
    """Return whether the worker answers a remote command."""
    status, _output = fifo_app.celery("inspect", "ping", "--timeout", "2")
    return status == 0


def test_answers_do_not_wait_for_a_data_lake_that_swallows_requests(service: Service) -> None:
    service.environment |= {
        "DATALAKE_URL": "firehose://answers?region=us-east-1",
        "AWS_ENDPOINT_URL_FIREHOSE": service.environment["AWS_ENDPOINT_URL_DYNAMODB"],
    }
    with proxied(service, "AWS_ENDPOINT_URL_FIREHOSE") as lake:
        lake.swallow()
        worker = service.start_worker()
        for number in range(3):
            contact = f"telegram:{number}"
            service.send_from(contact, survey_body(urn=contact))
        service.wait_until(lambda: OutboxEvent.objects.count() == 3, timeout=WITHOUT_WAITING)
        service.wait_until(lambda: "data_lake_unavailable" in worker.log_text())
        service.wait_until_empty()

    assert service.dead_letter_count() == 0
    assert OutboxEvent.objects.filter(delivered_at=None).count() == 3


def test_a_sentry_that_swallows_reports_delays_no_event(service: Service) -> None:
    service.app = "tests.support.failing_app"
    with running_sentry_server() as sentry, running_proxy(url=sentry.dsn) as proxy:
        service.environment["SENTRY_DSN"] = proxy.url(sentry.dsn)
        proxy.swallow()
        worker = service.start_worker()
        body = message_body(urn="telegram:bug", message={"text": BUG})
        service.send_from("telegram:bug", body)
        service.wait_until(lambda: "task_failed" in worker.log_text())
        for number in range(5):
            contact = f"telegram:{number}"
            service.send_from(contact, message_body(urn=contact))
            service.wait_until_left(1, timeout=WITHOUT_WAITING)
        asked_at = time.monotonic()
        worker.stop()

    assert time.monotonic() - asked_at < 10
    assert service.dead_letter_count() == 0
