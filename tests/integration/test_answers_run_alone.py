"""An answer runs in a batch of its own, so it takes effect before its contact's later messages."""

import json
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from apps.analytics.models import SurveyAnswer
from apps.analytics.services import record_answer
from apps.common.errors import InvalidEvent
from apps.conversations.models import Conversation, Resolution
from apps.messages import event_types
from celery_sqs_fifo import BatchItem, QueuedEvent
from celery_sqs_fifo.consuming.gate import Gate
from celery_sqs_fifo.delivery import Delivery
from celery_sqs_fifo.running.envelope import Envelope
from config.celery import app
from config.celeryconfig import QUEUE
from tasks.event_rules import RULES
from tasks.steps import reading, recording
from tests.support.builders import (
    NOON,
    URN,
    close_body,
    deliver_bodies,
    message_body,
    numbered_message,
    place,
    run_chain,
    survey_body,
)
from tests.support.fake_calls import delivery
from tests.support.samples import Sample, samples
from tests.support.stored import stored_entries

SENT_AT = NOON.timestamp() + 60
QUESTION = message_body(event_type="message.sent", message={"id": "rate us", "created_at": ""})
CHEERS = message_body(message={"id": "cheers", "created_at": ""})


def brings_an_answer(event: QueuedEvent) -> bool:
    """Return whether the first step finds an answer in the event."""
    item = BatchItem(event)
    with suppress(InvalidEvent):
        reading.read(item)
    return bool(item.state and recording.answer_of(item))


ANSWERS = [sample for sample in samples() if brings_an_answer(sample.event)]


@pytest.mark.parametrize("sample", ANSWERS, ids=lambda sample: sample.name)
def test_each_event_with_an_answer_runs_alone(sample: Sample) -> None:
    assert event_types.goes_alone(json.loads(sample.event.body)) is True


@pytest.mark.parametrize("key", ["weni_csat", "0", 0, "anything"])
@pytest.mark.parametrize("is_in_data", [True, False])
def test_an_answer_is_detected_wherever_its_key_is(key: Any, is_in_data: bool) -> None:
    answer_fields = {"key": key, "value": "5"}
    places = {"data": answer_fields} if is_in_data else {"data": {}, **answer_fields}
    document = {"event_type": "message.received", **places}

    assert event_types.goes_alone(json.loads(json.dumps(document), parse_int=str)) is True


@pytest.mark.parametrize("fields", [{"data": "key"}, {"data": {"key": ""}}, {"key": None}, {}])
def test_an_event_without_a_key_has_no_answer(fields: dict[str, Any]) -> None:
    assert event_types.goes_alone({"event_type": "message.received", **fields}) is False


@pytest.mark.parametrize("document", [None, [], "key", {"data": {"key": "weni_csat"}}])
def test_a_refused_event_has_no_answer(document: Any) -> None:
    assert event_types.goes_alone(document) is False


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("aws", "outbox_hints")
def test_an_answer_that_runs_again_does_not_see_what_its_contact_wrote_after_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The bot asks in a new conversation, and the contact writes there after the answer."""
    deliver_bodies(bodies=[numbered_message(0), close_body()])

    def fails_once(**answer: Any) -> bool:
        monkeypatch.setattr("tasks.steps.recording.record_answer", record_answer)
        raise RuntimeError("the process is killed")

    monkeypatch.setattr("tasks.steps.recording.record_answer", fails_once)
    run_as_a_worker([QUESTION, survey_body(), CHEERS])

    closed = Conversation.objects.get(resolution=Resolution.RESOLVED)
    opened = Conversation.objects.get(resolution=Resolution.IN_PROGRESS)
    assert SurveyAnswer.objects.get().conversation_id == closed.uuid
    stored = stored_entries(conversation_uuid=opened.uuid)
    assert {entry.message_id for entry in stored} == {"rate us", "cheers"}


def run_as_a_worker(bodies: list[str]) -> None:
    """Run the deliveries of one group in order until none is left; rerun failed ones in place."""
    gate = Gate()
    for one in received(bodies):
        gate.admit(one)
    while batch := gate.take(max_events=25, max_bytes=1_000_000):
        items = run_chain(events=[QueuedEvent.of(one) for one in batch])
        for one, item in reversed(list(zip(batch, items, strict=True))):
            if item.outcome:
                one.failures += 1
                gate.put_back(one)
            else:
                gate.finish(one)
                gate.confirm(one)


def received(bodies: list[str]) -> list[Delivery]:
    """Return deliveries of one group, classified as the service's worker classifies them."""
    envelope = Envelope(
        app=app,
        queue=QUEUE,
        rules=RULES,
    )
    deliveries = [
        delivery(f"m-{number}", group=f"group:{URN}", body=body, sent_at=SENT_AT + number)
        for number, body in enumerate(bodies)
    ]
    for number, one in enumerate(deliveries, start=1):
        one.place = place(queue_time=NOON + timedelta(seconds=60 + number))
        envelope.classify(one)
    return deliveries
