"""A barrier runs only after SQS has deleted all earlier messages of its group.

Later messages run only after SQS has deleted the barrier.
"""

from tests.support.running_fifo_app import FifoApp


def test_a_barrier_is_not_replayed_after_later_messages_took_effect(fifo_app: FifoApp) -> None:
    """The delete of the barrier between M1 and M3 fails, and the worker is killed."""
    fifo_app.start_worker()
    fifo_app.send(group="a", number=1)
    fifo_app.wait_until_empty()
    fifo_app.sqs_server.fail(status=500, code="InternalError", actions=["DeleteMessageBatch"])
    fifo_app.send(group="a", number=2, event_type="barrier")
    fifo_app.send(group="a", number=3)
    fifo_app.wait_until(lambda: 2 in fifo_app.done().get("a", []))
    fifo_app.send(group="b", number=1)
    fifo_app.wait_until(lambda: "b" in fifo_app.done())
    assert fifo_app.done()["a"] == [1, 2]
    fifo_app.sqs_server.clear_faults()
    fifo_app.kill(fifo_app.workers[0])
    fifo_app.start_worker()
    fifo_app.wait_until_empty()
    assert fifo_app.done()["a"] == [1, 2, 2, 3]


def test_a_barrier_waits_until_earlier_messages_are_deleted(fifo_app: FifoApp) -> None:
    fifo_app.sqs_server.fail(status=500, code="InternalError", actions=["DeleteMessageBatch"])
    fifo_app.send(group="a", number=1)
    fifo_app.send(group="a", number=2, event_type="barrier")
    fifo_app.start_worker()
    fifo_app.wait_until(lambda: 1 in fifo_app.done().get("a", []))
    fifo_app.send(group="b", number=1)
    fifo_app.wait_until(lambda: "b" in fifo_app.done())
    assert fifo_app.done()["a"] == [1]
    fifo_app.sqs_server.clear_faults()
    fifo_app.wait_until_empty()
    assert fifo_app.done()["a"] == [1, 2]
