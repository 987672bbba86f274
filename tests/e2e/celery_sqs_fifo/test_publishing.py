"""A program can publish messages only with a group and a deduplication id."""

import subprocess
import sys

import pytest

from embedded.service import PROJECT_ROOT
from tests.e2e.conftest import any_batch_size
from tests.support.running_fifo_app import FifoApp

pytestmark = any_batch_size


def publish(fifo_app: FifoApp, code: str) -> str:
    """Run code as a program of the application, and return its output.

    In the code `app` is the app and `tick` a pointer.
    """
    script = f"from tests.support.fifo_app import app\ntick = app.tasks['tick']\n{code}"
    result = subprocess.run(
        [sys.executable, "-c", script],
        cwd=PROJECT_ROOT,
        env=fifo_app.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return result.stdout + result.stderr


def test_calls_with_the_same_deduplication_id_run_once(
    fifo_app: FifoApp,
) -> None:
    for _ in range(2):
        assert publish(fifo_app, "tick.apply_async(deduplication_id='once')") == ""
    fifo_app.start_worker()
    fifo_app.wait_until_empty()
    assert fifo_app.done(step="tick") == {"ticks": [0]}
    assert fifo_app.actions().count("SendMessage") == 2


def test_publish_each_publishes_ten_pointers_with_each_call(fifo_app: FifoApp) -> None:
    code = """
from celery_sqs_fifo import Pointer, publish_each
pointers = [
    Pointer(task=tick, arguments=(), message_group=f"g{n}", deduplication_id=f"d{n}")
    for n in range(12)
]
print(publish_each(pointers, app=app))
"""
    assert publish(fifo_app, code) == "[]\n"
    assert fifo_app.actions().count("SendMessageBatch") == 2
    fifo_app.start_worker()
    fifo_app.wait_until_empty()
    assert fifo_app.done(step="tick") == {"ticks": [0] * 12}


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("app.tasks['secret'].apply_async()", "pass message_group"),
        ("app.send_task('tick')", "needs a group"),
        ("tick.apply_async(countdown=1)", "countdown does not work"),
        ("tick.apply_async(kwargs={'number': 1})", "by position"),
    ],
    ids=["no group", "a task by its name", "a delay", "keywords"],
)
def test_a_call_that_a_fifo_queue_does_not_support_is_refused(
    fifo_app: FifoApp, code: str, why: str
) -> None:
    output = publish(fifo_app, code)

    assert "UnsupportedOnFifo" in output
    assert why in output
    assert fifo_app.left_on_queue() == 0
