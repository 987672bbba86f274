"""The number of calls to SQS for an event, and for an idle worker."""

import time

from tests.e2e.conftest import FifoApp, any_batch_size


def test_under_load_an_event_costs_at_most_22_hundredths_of_a_call(fifo_app: FifoApp) -> None:
    fifo_app.send_many(groups=100, events=20)
    fifo_app.start_worker()
    fifo_app.wait_until_empty()
    fifo_app.workers[0].stop()
    counted = {"ReceiveMessage", "DeleteMessageBatch", "ChangeMessageVisibilityBatch"}
    calls = [action for action in fifo_app.actions() if action in counted]
    assert len(calls) / 2000 <= 0.22


@any_batch_size
def test_an_idle_worker_only_keeps_a_long_poll_open(fifo_app: FifoApp) -> None:
    fifo_app.start_worker()
    time.sleep(3.5)
    actions = fifo_app.actions()
    polls = [action for action in actions if action == "ReceiveMessage"]
    assert 3 <= len(polls) <= 6
    # The test creates the queue, and Celery reads its size when it starts.
    assert set(actions) <= {"ReceiveMessage", "CreateQueue", "GetQueueAttributes"}
