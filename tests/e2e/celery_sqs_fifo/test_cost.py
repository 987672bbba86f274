"""An event under load costs a fraction of a call to SQS, and an idle worker makes few calls."""

import time

from tests.e2e.conftest import any_batch_size
from tests.support.running_fifo_app import FifoApp


def test_a_hundred_events_under_load_cost_at_most_22_calls(fifo_app: FifoApp) -> None:
    fifo_app.send_many(groups=100, events=20)
    fifo_app.start_worker()
    fifo_app.wait_until_empty()
    fifo_app.workers[0].stop()
    counted = {"ReceiveMessage", "DeleteMessageBatch", "ChangeMessageVisibilityBatch"}
    calls = [action for action in fifo_app.actions() if action in counted]
    assert len(calls) / 2000 <= 0.22


@any_batch_size
def test_an_idle_worker_does_nothing_but_keep_a_long_poll_open(fifo_app: FifoApp) -> None:
    fifo_app.start_worker()
    time.sleep(3.5)
    actions = fifo_app.actions()
    polls = [action for action in actions if action == "ReceiveMessage"]
    assert 3 <= len(polls) <= 6
    # The test creates the queue, and Celery reads its size when it starts.
    assert set(actions) <= {"ReceiveMessage", "CreateQueue", "GetQueueAttributes"}
