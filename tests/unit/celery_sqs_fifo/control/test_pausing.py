"""An operator can pause a queue of a running worker (`cancel_consumer`) and add it again."""

from typing import Any

from celery_sqs_fifo import Outcome, Result
from tests.support.chain_app import QUEUE
from tests.unit.celery_sqs_fifo.test_transport import Broker, broker, loop

__all__ = ("broker", "loop")

REVOKED = Outcome(Result.INVALID, "revoked")


def cancel(broker: Broker) -> None:
    with broker.channel.without_waiting():
        broker.channel.basic_cancel("consumer")


def test_pausing_a_queue_does_not_block_and_gives_back_waiting_messages(
    broker: Broker,
) -> None:
    broker.channel.basic_qos(0, 1, False)
    broker.consume()
    broker.receive("1", "2", "3")
    cancel(broker)

    running = broker.messages[0].delivery_tag
    assert set(broker.calls.released) == {"handle-1", "handle-2", "handle-3"} - {running}
    # The messages that the open long poll returns are given back, too.
    broker.receive("late")
    assert "handle-late" in broker.calls.released
    assert len(broker.messages) == 1


def test_a_task_that_was_running_when_its_queue_was_paused_is_settled(broker: Broker) -> None:
    broker.consume()
    broker.receive("1")
    cancel(broker)
    broker.messages[0].ack()

    assert broker.calls.deleted == ["handle-1"]


def test_a_queue_that_is_added_again_is_received_from(broker: Broker) -> None:
    broker.consume()
    broker.receive("1")
    cancel(broker)
    broker.receive()
    broker.consume()
    broker.receive("2")
    broker.messages[0].ack()
    broker.messages[1].ack()
    broker.loop.advance(2)

    assert [message.delivery_tag for message in broker.messages] == ["handle-1", "handle-2"]
    assert sorted(broker.calls.deleted) == ["handle-1", "handle-2"]


def test_a_task_that_started_before_a_pause_still_counts_against_the_pool(broker: Broker) -> None:
    broker.channel.basic_qos(0, 1, False)
    broker.consume()
    broker.receive("1")
    cancel(broker)
    broker.receive()
    broker.consume()

    assert broker.channel._room() == 0
    broker.messages[0].ack()
    assert broker.channel._room() == 1


def test_many_tasks_that_are_rejected_at_once_are_settled_without_recursion(
    broker: Broker,
) -> None:
    depth, deepest = 0, 0

    def reject(message: Any) -> None:
        nonlocal depth, deepest
        depth += 1
        deepest = max(deepest, depth)
        broker.channel.note_outcomes(message.delivery_tag, REVOKED)
        message.reject()
        depth -= 1

    broker.channel.basic_qos(0, 1, False)
    broker.channel.basic_consume(QUEUE, False, reject, "consumer")
    broker.loop.run_once()
    broker.receive(*map(str, range(10)))
    broker.loop.advance(5)

    assert deepest == 1
    assert len(broker.calls.deleted) == 10
