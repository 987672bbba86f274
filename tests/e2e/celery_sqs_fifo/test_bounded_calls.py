"""The worker recovers in bounded time from lost connections and hanging credentials."""

import os
import signal
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest

from testbed.proxy import SwallowingProxy, running_proxy
from testbed.proxy.sts import running_sts
from tests.e2e.conftest import FifoApp, any_batch_size

pytestmark = any_batch_size

# The time limit for the first event after a fault, in seconds.
RECOVERS_WITHIN = 60


@pytest.fixture
def proxy(fifo_app: FifoApp) -> Iterator[SwallowingProxy]:
    """Run a proxy between the workers and SQS. The test itself connects to SQS directly."""
    with running_proxy(url=fifo_app.sqs_server.url) as proxy:
        fifo_app.environment["AWS_ENDPOINT_URL_SQS"] = proxy.url(fifo_app.sqs_server.url)
        yield proxy


def take_effect(fifo_app: FifoApp, *, number: int, timeout: float = RECOVERS_WITHIN) -> None:
    """Send an event, wait until the queue is empty, and check that all events are done."""
    fifo_app.send(group="a", number=number)
    fifo_app.wait_until_empty(timeout=timeout)
    assert fifo_app.done()["a"] == list(range(number + 1))


def test_lost_connections_are_replaced(fifo_app: FifoApp, proxy: SwallowingProxy) -> None:
    worker = fifo_app.start_worker()
    take_effect(fifo_app, number=0)
    proxy.lose_connections()
    take_effect(fifo_app, number=1)

    assert "receive_failed" in worker.log_text()
    assert fifo_app.dead_letters() == []


def test_worker_recovers_from_a_network_outage(fifo_app: FifoApp, proxy: SwallowingProxy) -> None:
    worker = fifo_app.start_worker()
    take_effect(fifo_app, number=0)
    proxy.swallow()
    fifo_app.wait_until(lambda: "receive_failed" in worker.log_text(), timeout=20)
    time.sleep(10)
    proxy.pass_on()
    take_effect(fifo_app, number=1)

    assert fifo_app.dead_letters() == []


def test_messages_of_a_lost_response_are_received_before_their_lease_ends(
    fifo_app: FifoApp, proxy: SwallowingProxy
) -> None:
    fifo_app.set_options(visibility_timeout=600)
    fifo_app.start_worker()
    take_effect(fifo_app, number=0)
    proxy.lose_answers()
    take_effect(fifo_app, number=1)

    assert fifo_app.dead_letters() == []


def test_worker_uses_valid_credentials_while_sts_hangs(fifo_app: FifoApp) -> None:
    token = fifo_app.directory / "token"
    token.write_text("token")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        fifo_app.environment[name] = ""
    # botocore blocks on a refresh if the credentials expire within ten minutes.
    with running_sts(lifetime=timedelta(minutes=9)) as sts:
        fifo_app.environment |= {
            "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/worker",
            "AWS_WEB_IDENTITY_TOKEN_FILE": str(token),
            "AWS_ENDPOINT_URL_STS": sts.url,
        }
        fifo_app.start_worker()
        take_effect(fifo_app, number=0)
        sts.hang()
        fifo_app.wait_until(lambda: sts.hung > 0, timeout=40)
        take_effect(fifo_app, number=1, timeout=10)

    assert fifo_app.dead_letters() == []


def test_shutdown_is_bounded_while_sqs_hangs(fifo_app: FifoApp, proxy: SwallowingProxy) -> None:
    """Returning the waiting groups to SQS takes several calls."""
    slow = {"step": "second", "what": "sleep:1", "times": 1}
    for number in range(60):
        fifo_app.send(group=f"g{number}", number=0, trouble=slow)
    worker = fifo_app.start_worker(concurrency=1)
    fifo_app.wait_until(lambda: bool(fifo_app.done(step="first")))
    proxy.swallow()
    asked_at = time.monotonic()
    os.kill(worker.pid, signal.SIGTERM)
    fifo_app.wait_until(lambda: not worker.is_running, timeout=60)

    assert time.monotonic() - asked_at < 45


def test_shutdown_ends_running_tasks_at_its_deadline(fifo_app: FifoApp) -> None:
    fifo_app.set_options(shutdown_within=3)
    hangs = {"step": "second", "what": "sleep:300", "times": 1}
    fifo_app.send(group="a", number=0, trouble=hangs)
    worker = fifo_app.start_worker(concurrency=1)
    fifo_app.wait_until(lambda: "a" in fifo_app.done(step="first"))
    os.kill(worker.pid, signal.SIGTERM)
    fifo_app.wait_until(lambda: not worker.is_running, timeout=20)

    assert "shutdown_deadline_passed" in worker.log_text()
    fifo_app.start_worker()
    fifo_app.wait_until_empty()
    assert fifo_app.done() == {"a": [0]}


def test_deletes_resume_promptly_after_many_failures(fifo_app: FifoApp) -> None:
    fifo_app.sqs_server.fail(status=500, code="InternalError", actions=["DeleteMessageBatch"])
    fifo_app.start_worker()
    fifo_app.send_many(groups=50, events=4)
    time.sleep(30)
    fifo_app.sqs_server.clear_faults()
    fifo_app.wait_until_empty(timeout=20)

    assert fifo_app.dead_letters() == []
