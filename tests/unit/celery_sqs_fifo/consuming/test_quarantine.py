"""Copying to the dead-letter queue until SQS confirms."""

import logging
from time import time

import pytest

from celery_sqs_fifo.backoff import Backoff
from celery_sqs_fifo.consuming.quarantine import Quarantine
from celery_sqs_fifo.delivery import Delivery, Outcome, Result
from tests.support.fake_calls import FakeCalls, delivery
from tests.support.fake_loop import FakeLoop

SEND = "SendMessage"
INVALID = Outcome(Result.INVALID, "malformed", "no channel_uuid")


class Dead:
    """A quarantine with fakes around it, and what it reported."""

    def __init__(self) -> None:
        self.calls = FakeCalls()
        self.loop = FakeLoop()
        self.quarantined: list[Delivery] = []
        self.refused: list[Delivery] = []
        self.quarantine = Quarantine(
            calls=self.calls,  # type: ignore[arg-type]
            queue_url="dlq",
            largest_message=1_000,
            backoff=Backoff(first=0.5, longest=4),
            call_later=self.loop.call_later,
            on_quarantined=self.quarantined.append,
            on_refused=self.refused.append,
        )


@pytest.fixture
def dead() -> Dead:
    return Dead()


def test_an_event_is_copied_to_the_dead_letter_queue(dead: Dead) -> None:
    one = delivery("source", body="x" * 900)
    dead.quarantine.send(one, INVALID)

    (call,) = dead.calls.of(SEND)
    assert call.queue_url == "dlq"
    assert call.parameters["MessageBody"] == "x" * 900
    assert call.parameters["MessageAttributes"]["reason"]["StringValue"] == "malformed"
    assert "receive_count" not in call.parameters["MessageAttributes"]


def test_it_is_quarantined_only_when_sqs_has_confirmed_the_copy(
    dead: Dead, caplog: pytest.LogCaptureFixture
) -> None:
    one = delivery("source")
    dead.quarantine.send(one, INVALID)
    assert (dead.quarantined, caplog.records) == ([], [])

    dead.calls.answer(SEND)
    assert dead.quarantined == [one]
    assert [record.message for record in caplog.records] == ["quarantined", "event ended"]
    told = [record.__dict__ for record in caplog.records]
    assert all((one["message_id"], one["reason"]) == ("source", "malformed") for one in told)


def test_its_last_line_says_how_it_ended_and_what_it_is_called(
    dead: Dead, caplog: pytest.LogCaptureFixture
) -> None:
    sent_at = time() - 60
    one = delivery("source", sent_at=sent_at, labels={"correlation_id": "c-1", "step": "first"})
    run = {"step": "second", "conversation_uuid": "u-1", "attempt": 5}
    dead.quarantine.send(one, Outcome(Result.BUG, "bug", "places", labels=run))
    dead.calls.answer(SEND)

    line = caplog.records[-1].__dict__
    assert {**line, "labels": None}.items() >= {"correlation_id": "c-1", **run}.items()
    assert (line["outcome"], line["receive_count"]) == ("bug", 1)
    assert 60_000 <= line["since_sent_ms"] < 3_600_000


def test_a_pointer_is_no_event_that_ends(dead: Dead, caplog: pytest.LogCaptureFixture) -> None:
    dead.quarantine.send(delivery(is_celery=True), INVALID)
    dead.calls.answer(SEND)

    assert [record.message for record in caplog.records] == ["quarantined"]


def test_an_answer_without_a_message_id_confirms_nothing(dead: Dead) -> None:
    """A proxy may answer 200 with an empty body; deleting the event then would lose it."""
    dead.quarantine.send(delivery(), INVALID)
    dead.calls.answer(SEND, {})
    assert dead.quarantined == []

    dead.loop.advance(0.5)
    dead.calls.answer(SEND)
    assert len(dead.quarantined) == 1


def test_a_dead_letter_queue_that_refuses_is_tried_until_it_works(
    dead: Dead, caplog: pytest.LogCaptureFixture
) -> None:
    one = delivery("source")
    dead.quarantine.send(one, INVALID)
    delays = []
    for _ in range(6):
        dead.calls.answer(SEND, error="HTTP 403 AccessDenied")
        delays += dead.loop.delays
        dead.loop.advance(delays[-1])
    dead.calls.answer(SEND)

    assert delays == [0.5, 1, 2, 4, 4, 4]
    assert (dead.quarantined, dead.refused) == ([one], [])
    copies = [call.parameters for call in dead.calls.of(SEND)]
    assert all(copy == copies[0] for copy in copies)
    refused = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert len(refused) == 6


def test_at_shutdown_one_refusal_is_final(dead: Dead) -> None:
    dead.calls.wait = True
    dead.calls.errors = {SEND: "EndpointConnectionError"}
    one = delivery()
    dead.quarantine.send(one, INVALID)

    assert (dead.refused, dead.quarantined) == ([one], [])
    assert dead.loop.delays == []


def test_logs_hold_ids_and_reasons_and_nothing_of_what_an_event_carries(
    dead: Dead, caplog: pytest.LogCaptureFixture
) -> None:
    dead.quarantine.send(delivery(group="secret", body="secret"), INVALID)
    dead.calls.answer(SEND, error="HTTP 500 InternalError")
    dead.loop.advance(1)
    dead.calls.answer(SEND)

    assert len(caplog.records) == 3
    assert "secret" not in str([record.__dict__ for record in caplog.records])
