"""An event that cannot succeed is deleted after its copy in the dead-letter queue is confirmed."""

import json

from celery_sqs_fifo import Place
from tests.e2e.conftest import any_batch_size
from tests.support.running_fifo_app import FifoApp


def test_an_invalid_event_is_quarantined_and_its_group_continues(
    fifo_app: FifoApp, batch_size: int
) -> None:
    fifo_app.send(group="a", number=1, trouble={"step": "second", "what": "invalid"})
    fifo_app.send(group="a", number=2)
    fifo_app.start_worker(concurrency=1)
    fifo_app.wait_until_empty()
    assert fifo_app.done() == {"a": [2]}
    assert fifo_app.max_batch_size() == min(batch_size, 2)
    (letter,) = fifo_app.dead_letters()
    assert json.loads(letter["Body"])["number"] == 1
    attributes = {name: value["StringValue"] for name, value in letter["MessageAttributes"].items()}
    assert attributes["reason"] == "invalid"
    assert Place.parse(attributes["place"]).group == "a"
    assert attributes["receive_count"] == "1"
    assert attributes["source_message_id"]


def test_a_message_stays_on_the_queue_while_the_dead_letter_queue_refuses_its_copy(
    fifo_app: FifoApp,
) -> None:
    fifo_app.send(group="a", number=1, trouble={"step": "first", "what": "invalid"})
    fifo_app.send(group="b", number=1)
    fifo_app.sqs_server.fail(status=500, code="InternalError", actions=["SendMessage"])
    worker = fifo_app.start_worker(concurrency=1)
    fifo_app.wait_until(
        lambda: "quarantine_refused" in worker.log_text() and fifo_app.left_on_queue() < 2
    )
    assert (fifo_app.left_on_queue(), fifo_app.done()) == (1, {"b": [1]})
    fifo_app.sqs_server.clear_faults()
    fifo_app.wait_until_empty()
    assert fifo_app.dead_letter_reasons() == ["invalid"]


@any_batch_size
def test_two_dead_letters_within_five_minutes_both_arrive(fifo_app: FifoApp) -> None:
    """If a redriven dead letter fails again, SQS must not drop its copy as a duplicate."""
    fifo_app.start_worker()
    event = json.dumps(
        {
            "event_type": "plain",
            "group": "a",
            "number": 1,
            "trouble": {"step": "first", "what": "invalid"},
        }
    )
    fifo_app.send_body(event, group="a")
    fifo_app.wait_until_empty()
    (first,) = fifo_app.dead_letters()
    fifo_app.send_body(first["Body"], group="a")
    fifo_app.wait_until_empty()
    (second,) = fifo_app.dead_letters()
    assert second["Body"] == event


@any_batch_size
def test_an_event_close_to_the_retention_of_its_queue_is_quarantined(fifo_app: FifoApp) -> None:
    """An event waits for a dependency until 80% of the retention, after which SQS would drop it."""
    fifo_app.set_options(retention=5.0)
    trouble = {"step": "first", "what": "unavailable"}
    fifo_app.send(group="a", number=1, trouble=trouble)
    fifo_app.send(group="a", number=2)
    fifo_app.start_worker(concurrency=1)
    fifo_app.wait_until_empty()
    assert fifo_app.dead_letter_reasons() == ["unavailable"]
    assert fifo_app.done() == {"a": [2]}
