"""Personal data in logs is found, and other text is not."""

import json
from datetime import date

import pytest

from demo.samples import sample_events
from testbed.checker.logs import check_logs, leaks, personal_data
from testbed.checker.report import Kind
from testbed.traffic.day import generate_day
from tests.support.builders import NAME, TEXT, URN, message_body, survey_body, window_body
from tests.unit.testbed.sent_events import as_sent

GROUP = f"project:channel:{URN}"


def found(log: str, body: str) -> list[str]:
    return leaks(log=log, personal=personal_data(bodies=[body], group_ids=[GROUP]))


@pytest.mark.parametrize("what", [URN, NAME, TEXT, GROUP])
def test_an_address_a_name_a_text_and_a_group_are_found(what: str) -> None:
    assert what in found(f'{{"event": "held", "why": "{what}"}}', message_body())


def test_the_number_of_an_address_is_found_without_its_scheme() -> None:
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
        "[" * 50_000,
        "[1]",
        '{"data": 1}',
        '{"data": {"message": [], "contact_urn": 5}}',
        survey_body(message={"contact_name": "System"}),
    ],
)
def test_ids_and_the_name_of_the_platform_may_be_logged(body: str) -> None:
    log = '{"message_id": "source-1", "correlation_id": "correlation-1", "event": "System down"}'

    assert found(log, body) == []


def test_the_events_of_the_demo_can_all_be_recognised() -> None:
    events = [*sample_events(), *generate_day(events=300, seed=3, day=date(2026, 3, 14)).events]
    sent = as_sent(events)
    log = "\n".join(one.event.body for one in sent)

    found_in_log = list(check_logs(sent=sent, logs={"worker": log}))
    assert {one.kind for one in found_in_log} == {Kind.LOGGED}
    assert len(found_in_log) > 100
    assert not list(check_logs(sent=sent, logs={"worker": "celery@host ready.", "beat": ""}))
