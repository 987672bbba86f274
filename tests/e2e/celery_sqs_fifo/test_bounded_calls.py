"""The worker recovers in bounded time from lost connections and hanging credentials."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from testbed.proxy import SwallowingProxy, running_proxy
from testbed.proxy.sts import running_sts
from tests.e2e.conftest import any_batch_size
from tests.support.running_fifo_app import FifoApp

pytestmark = [any_batch_size, pytest.mark.slow]

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
    token = fifo_app.logs / "token"
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


@pytest.fixture(params=["SIGTERM", "remote control"])
def ask_to_stop(fifo_app: FifoApp, request: pytest.FixtureRequest) -> Callable[[], None]:
    """Return a function that asks the worker for a warm shutdown. Tests run with two of them."""
    if request.param == "SIGTERM":
        return lambda: os.kill(fifo_app.workers[0].pid, signal.SIGTERM)
    fifo_app.start_control_broker()

    def ask() -> None:
        _status, output = fifo_app.celery("control", "shutdown", "--timeout", "10")
        assert "shutting down" in output

    return ask


def test_shutdown_is_bounded_while_sqs_hangs(
    fifo_app: FifoApp, proxy: SwallowingProxy, ask_to_stop: Callable[[], None]
) -> None:
    """The worker needs several calls to return the waiting groups to SQS."""
    slow = {"step": "second", "what": "sleep:1", "times": 1}
    for number in range(60):
        fifo_app.send(group=f"g{number}", number=0, trouble=slow)
    worker = fifo_app.start_worker(concurrency=1)
    fifo_app.wait_until(lambda: bool(fifo_app.done(step="first")))
    proxy.swallow()
    asked_at = time.monotonic()
    ask_to_stop()
    fifo_app.wait_until(lambda: not worker.is_running, timeout=60)

    assert time.monotonic() - asked_at < 45


def test_shutdown_ends_running_tasks_at_its_deadline(
    fifo_app: FifoApp, ask_to_stop: Callable[[], None]
) -> None:
    fifo_app.set_options(shutdown_within=3)
    hangs = {"step": "second", "what": "sleep:300", "times": 1}
    fifo_app.send(group="a", number=0, trouble=hangs)
    worker = fifo_app.start_worker(concurrency=1)
    fifo_app.wait_until(lambda: "a" in fifo_app.done(step="first"))
    ask_to_stop()
    fifo_app.wait_until(lambda: not worker.is_running, timeout=20)

    assert "shutdown_deadline_passed" in worker.log_text()
    fifo_app.start_worker()
    fifo_app.wait_until_empty()
    assert fifo_app.done() == {"a": [0]}


def test_deletes_and_lease_renewals_resume_within_seconds_after_many_failures(
    fifo_app: FifoApp,
) -> None:
    # The lease of the slow event must be renewed during the fault. Without a renewal, it would end
    # soon after the fault.
    fifo_app.set_options(visibility_timeout=40)
    slow = {"step": "second", "what": "sleep:45", "times": 1}
    fifo_app.send(group="slow", number=0, trouble=slow)
    fifo_app.start_worker()
    fifo_app.wait_until(lambda: "slow" in fifo_app.done(step="first"))
    fifo_app.sqs_server.fail(
        status=500,
        code="InternalError",
        actions=["DeleteMessageBatch", "ChangeMessageVisibilityBatch"],
    )
    fifo_app.send_many(groups=50, events=4)
    time.sleep(30)
    fifo_app.sqs_server.clear_faults()
    fifo_app.wait_until(lambda: fifo_app.left_on_queue() <= 1, timeout=5)
    fifo_app.wait_until_empty(timeout=40)

    runs = [line for line in fifo_app.journal() if line.group == "slow" and line.verb == "began"]
    assert len(runs) == 3
    assert fifo_app.dead_letters() == []
