"""Telling what logs must not hold from what they may."""

import json
from datetime import date, timedelta

import pytest

from demo.check import check_logs
from demo.expectations import SentEvent
from demo.personal_data import leaks, personal_data
from demo.problems import Kind
from demo.samples import sample_events
from demo.traffic import generate_day
from tests.support.builders import NAME, NOON, TEXT, URN, message_body, survey_body, window_body

GROUP = f"project:channel:{URN}"


def found(log: str, body: str) -> list[str]:
    return leaks(log=log, personal=personal_data(bodies=[body], group_ids=[GROUP]))


@pytest.mark.parametrize("what", [URN, NAME, TEXT, GROUP])
def test_an_address_a_name_a_text_and_a_group_are_found(what: str) -> None:
    assert what in found(f'{{"event": "held", "why": "{what}"}}', message_body())


def test_the_number_of_an_address_is_found_without_its_kind() -> None:
    body = message_body(urn="whatsapp:5584996765969")

    assert found("Key (urn)=(5584996765969)", body) == ["5584996765969"]


@pytest.mark.parametrize("text", ["متى يصل الطلب؟", "can I\nchange it?", 'he said "no" twice'])
def test_a_text_is_found_as_json_escapes_it(text: str) -> None:
    log = json.dumps({"event": text})

    assert found(log, message_body(message={"text": text})) == [text]


def test_a_name_in_a_window_is_found() -> None:
    assert found("opened for Benedita", window_body(data={"name": "Benedita"})) == ["Benedita"]


@pytest.mark.parametrize(
    "body",
    [
        "not json",
        "[1]",
        '{"data": 1}',
        '{"data": {"message": [], "contact_urn": 5}}',
        survey_body(message={"contact_name": "System"}),
    ],
)
def test_ids_and_what_the_platform_calls_itself_may_be_logged(body: str) -> None:
    log = '{"message_id": "source-1", "correlation_id": "correlation-1", "event": "System down"}'

    assert found(log, body) == []


def test_the_events_of_the_demo_can_all_be_recognised() -> None:
    events = [*sample_events(), *generate_day(events=300, seed=3, day=date(2026, 3, 14)).events]
    sent = [
        SentEvent(
            event=event,
            message_id=f"sqs-{number}",
            sequence_number=number,
            sent_from=NOON,
            sent_until=NOON + timedelta(seconds=1),
        )
        for number, event in enumerate(events)
    ]
    log = "\n".join(one.event.body for one in sent)

    assert {one.kind for one in check_logs(sent=sent, logs={"worker": log})} == {Kind.LOGGED}
    assert len(check_logs(sent=sent, logs={"worker": log})) > 100
    assert check_logs(sent=sent, logs={"worker": "celery@host ready.", "beat": ""}) == []
