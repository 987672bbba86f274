"""Dead letters are moved into PostgreSQL without loss, and committed before the delete."""

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings as django_settings
from django.db import OperationalError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.common.lossless_json import escape
from apps.messages import dead_letters
from apps.messages.dead_letter_format import body_of, own_attributes
from apps.messages.models import DeadLetter
from tasks.deadletters import collect as collecting
from tasks.deadletters.collect import collect_dead_letters
from testbed.sqs.fifo import Fifo
from tests.support.builders import (
    CHANNEL,
    NOON,
    PROJECT,
    URN,
    body,
    close_body,
    message_body,
    numbered_message,
    project,
)
from tests.support.dead_letters import (
    GROUP,
    MAX_BYTES,
    Killed,
    bury,
    bury_numbered,
    collect,
    dead_letter_queue_of,
    kept,
    numbers,
    redrive_all,
)
from tests.support.dialects import in_envelope, ticket_body
from tests.support.erasures import erase
from tests.support.service_queue import ServiceQueue

pytestmark = [pytest.mark.django_db(transaction=True)]

STRING = {"DataType": "String", "StringValue": "message.received"}
BINARY = {"DataType": "Binary", "BinaryValue": b"\x00\xff"}
WEIRD = {
    "characters that PostgreSQL refuses": message_body(message={"text": "\x00 \ud83d \\u0041"}),
    "not JSON": "not JSON \\u0000 \\ud83d",
    "a text that looks already escaped": "\\u005cu0041 \\\\u0000 \\uD83D\\",
    "beyond the basic plane": "\N{PILE OF POO} \N{RIGHT-TO-LEFT OVERRIDE} \ue000",
    "white space": " \t\r\n ",
    "a number of 5,000 digits": '{"data": {"project_uuid": 1' + "0" * 5000 + "}}",
    "nested too deeply": "[" * 100_000,
    "the largest possible body": "\N{PILE OF POO}" * (MAX_BYTES // 4),
    "an invalid project": body(event_type="message.received", data={"project_uuid": "shop"}),
    "a long contact": message_body(urn="x" * 500_000),
    "a contact that is a list": body(event_type="message.received", data={"contact_urn": [1]}),
    "data that is a list": '{"data": []}',
}


@pytest.fixture
def letters(queue: ServiceQueue, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fifo]:
    """The dead-letter queue."""
    with dead_letter_queue_of(queue, monkeypatch) as letters:
        yield letters


def received(body: str, **attributes: Any) -> dict[str, Any]:
    """Return a message in the form of ReceiveMessage, with a body that SQS would refuse."""
    system = {
        "SentTimestamp": "1",
        "SequenceNumber": "340282366920938463463374607431768211455",
        "MessageGroupId": "group",
        "ApproximateReceiveCount": "1",
    }
    return {
        "MessageId": "m",
        "Body": body,
        "Attributes": system,
        "MessageAttributes": attributes,
    }


def visible_again(queue: Fifo, server: ServiceQueue) -> None:
    """Make messages that were received and not deleted visible again.

    The clock is not moved, because all tests share it.
    """
    server.strict.expire_leases(queue=queue.name)


def test_all_fields_of_a_dead_letter_are_kept(letters: Fifo) -> None:
    message_id = bury(
        letters,
        reason="malformed_field",
        error="data.message: Field required",
        sent_at=NOON + timedelta(milliseconds=1),
        attributes={"event_type": STRING},
    )

    (letter,) = collect()

    assert letter.message_id == message_id
    assert letter.source_message_id.startswith("source-")
    assert (letter.group_id, letter.receive_count) == (GROUP, 3)
    assert (letter.reason, letter.error) == ("malformed_field", "data.message: Field required")
    assert letter.queue_time == NOON + timedelta(milliseconds=1)
    assert body_of(letter) == message_body()
    assert own_attributes(letter) == {"event_type": STRING}
    assert (letter.project_uuid, letter.channel_uuid) == (PROJECT, CHANNEL)
    assert letter.contact_urn == URN
    assert letter.redriven_at is None
    assert letters.received() == []


@pytest.mark.parametrize("text", WEIRD.values(), ids=WEIRD)
def test_a_body_is_restored_unchanged(letters: Fifo, text: str) -> None:
    bury(letters, text)

    (letter,) = collect()

    assert body_of(letter) == text
    assert letters.received() == []


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.one_of(st.characters(categories=None), st.sampled_from('\\u0d8"\x00'))))
def test_any_text_is_restored_unchanged(text: str) -> None:
    """This includes texts that SQS refuses, because other servers of its protocol accept them."""
    DeadLetter.objects.all().delete()
    attribute = {"DataType": "String", "StringValue": text}

    dead_letters.keep([received(text, event_type=attribute, reason=attribute)], now=NOON)

    (letter,) = kept()
    assert body_of(letter) == text
    assert own_attributes(letter) == {"event_type": attribute}


def test_an_event_with_few_fields_is_kept_with_those_fields(letters: Fifo) -> None:
    bury(letters, json.dumps({"data": {"project_uuid": str(PROJECT), "channel_uuid": None}}))

    (letter,) = collect()

    assert (letter.project_uuid, letter.channel_uuid, letter.contact_urn) == (PROJECT, None, "")


def test_the_contact_is_stored_in_the_form_that_erasing_uses(letters: Fifo) -> None:
    bury(letters, message_body(urn="a\x00b"))

    (letter,) = collect()

    assert letter.contact_urn == escape("a\x00b")


def test_many_letters_are_collected_in_the_order_of_their_events(letters: Fifo) -> None:
    for number in range(36):
        bury_numbered(letters, number, group=f"group-{number % 3}")

    bodies = [body_of(letter) for letter in collect()]

    assert numbers(bodies) == [f"m-{number}" for number in range(36)]


def test_letters_are_committed_before_they_are_deleted(
    letters: Fifo, queue: ServiceQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(12):
        bury_numbered(letters, number)

    def die(_messages: Any) -> int:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(collecting, "delete", die)
        with pytest.raises(Killed):
            collect()
    assert len(kept()) == 10
    before = [letter.pk for letter in kept()]

    visible_again(letters, queue)
    collect()

    assert [letter.pk for letter in kept()[:10]] == before
    assert len(kept()) == 12
    assert letters.received() == []


def test_nothing_is_deleted_while_postgresql_is_down(
    letters: Fifo, queue: ServiceQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    bury(letters)

    with monkeypatch.context() as patch:
        patch.setattr(DeadLetter.objects, "bulk_create", _raise_operational_error)
        with pytest.raises(OperationalError):
            collect()

    visible_again(letters, queue)
    assert len(collect()) == 1


def _raise_operational_error(*_arguments: Any, **_options: Any) -> None:
    raise OperationalError


def test_a_letter_that_sqs_does_not_delete_changes_nothing_when_it_is_received_again(
    letters: Fifo, queue: ServiceQueue
) -> None:
    bury(letters)
    queue.strict.fail_entries(
        status=500, code="InternalError", count=1, actions=["DeleteMessageBatch"]
    )
    (before,) = collect()

    visible_again(letters, queue)
    (after,) = collect()

    assert (after.pk, after.collected_at) == (before.pk, before.collected_at)
    assert letters.received() == []


@pytest.mark.parametrize("action", ["ReceiveMessage", "DeleteMessageBatch"])
def test_an_error_of_sqs_ends_the_tick_and_loses_nothing(
    letters: Fifo, queue: ServiceQueue, action: str, caplog: pytest.LogCaptureFixture
) -> None:
    bury(letters)
    queue.strict.fail(status=400, code="AccessDenied", actions=[action])
    collect()
    queue.strict.clear_faults()
    assert "dead_letters_delayed" in caplog.text

    visible_again(letters, queue)
    assert len(collect()) == 1


def test_a_tick_collects_a_bounded_number_and_sends_another_tick(
    letters: Fifo, queue: ServiceQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collecting, "MAX_BATCHES", 1)
    for number in range(15):
        bury_numbered(letters, number, group=f"group-{number}")

    assert len(collect()) == 10
    assert queue.pointers() == [(collect_dead_letters.name, [])]

    assert len(collect()) == 15


def test_a_message_that_sqs_moved_keeps_its_attributes_and_its_earlier_time(
    letters: Fifo, queue: ServiceQueue
) -> None:
    arn = letters.attributes("QueueArn")["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 2})
    source = queue.another(RedrivePolicy=policy, VisibilityTimeout="60")
    attributes = {"reason": STRING, "event_type": STRING, "raw": BINARY}
    source.send(close_body(), MessageGroupId=GROUP, MessageAttributes=attributes)
    (first,) = source.receive()
    for _ in range(2):
        visible_again(source, queue)
        source.receive()

    (letter,) = collect()

    assert letter.reason == "receive_count"
    assert letter.receive_count >= 2
    assert letter.source_message_id == letter.message_id == first["MessageId"]
    assert own_attributes(letter) == attributes
    received_at = int(first["Attributes"]["ApproximateFirstReceiveTimestamp"]) / 1000
    assert letter.queue_time == datetime.fromtimestamp(received_at, UTC)


def test_a_letter_without_attributes_of_the_worker_is_kept(letters: Fifo) -> None:
    letters.send("by hand", MessageGroupId="any")

    (letter,) = collect()

    assert (letter.reason, letter.group_id) == ("not_told", "any")


def test_moto_reports_all_required_attributes_even_in_a_burst(sqs: Any) -> None:
    """The embedded stack uses moto. All messages are queued within one millisecond."""
    letters = Fifo(client=sqs, server=None)
    letters.url = django_settings.SQS_CONVERSATION_DLQ_URL
    for number in range(12):
        attributes = {"event_type": STRING, "raw": STRING}
        bury(letters, numbered_message(number), attributes=attributes)
    collected = collect()
    redrive_all()

    assert [letter.reason for letter in collected] == ["bug"] * 12
    assert letters.received() == []
    letters.url = django_settings.SQS_CONVERSATION_QUEUE_URL
    found = [message for batch in iter(letters.receive, []) for message in _deleted(letters, batch)]
    assert numbers([message["Body"] for message in found]) == [f"m-{n}" for n in range(12)]
    assert set(found[0]["MessageAttributes"]) == {"place", "event_type", "raw"}


def _deleted(queue: Fifo, messages: list[Any]) -> list[Any]:
    for message in messages:
        queue.delete(message)
    return messages


def test_the_letters_of_an_erased_contact_are_not_kept(letters: Fifo) -> None:
    project()
    erase(at=NOON)
    bury(letters, sent_at=NOON)
    bury(letters, sent_at=NOON + timedelta(seconds=1), reason="later")
    bury(letters, message_body(urn="telegram:2002"), reason="another")

    assert [letter.reason for letter in collect()] == ["another", "later"]
    assert letters.received() == []


def test_the_letters_of_events_in_other_forms_name_their_contacts(
    letters: Fifo, settings: Any
) -> None:
    """So operators find them by project, and erasing a contact deletes them."""
    settings.EVENT_ADAPTERS = ["sns", "flow_ticket"]
    for wrapped in (ticket_body(), in_envelope(message_body()), in_envelope(ticket_body())):
        bury(letters, wrapped)

    ticket, *_ = collected = collect()

    assert body_of(ticket) == ticket_body()
    assert {(one.project_uuid, one.channel_uuid, one.contact_urn) for one in collected} == {
        (PROJECT, CHANNEL, URN)
    }


def test_a_letter_that_an_adapter_fails_to_read_is_kept(
    letters: Fifo, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_name: str) -> None:
        raise TypeError

    settings.EVENT_ADAPTERS = ["sns"]
    monkeypatch.setattr("apps.messages.adapters.load", fails)
    bury(letters, in_envelope(message_body()))

    (letter,) = collect()

    assert (letter.project_uuid, letter.contact_urn) == (None, "")


def test_the_envelope_accepts_the_tick(queue: ServiceQueue) -> None:
    collect_dead_letters.apply_async()

    assert queue.pointers() == [(collect_dead_letters.name, [])]


def test_logs_name_no_contact(letters: Fifo, caplog: pytest.LogCaptureFixture) -> None:
    bury(letters)
    with caplog.at_level(logging.INFO, logger="tasks"):
        collect()

    logged = str([vars(record) for record in caplog.records])
    assert "dead_letters_collected" in logged
    assert URN not in logged
    assert UUID(kept()[0].message_id)
