"""Bodies that are not events are refused with a reason and a message that quotes nothing."""

from contextlib import suppress
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.common.errors import InvalidEvent
from apps.messages.events import CloseEvent, MessageEvent, WindowEvent
from apps.messages.reading import parse_event
from tests.support.builders import (
    ABSENT,
    body,
    close_body,
    message_body,
    place,
    survey_body,
    window_body,
)
from tests.support.json_documents import json_documents, json_texts

SECRET = "canary-of-a-contact"
NIL = str(UUID(int=0))
MESSAGE = {"id": "m-1", "text": "hello"}


def parsed(body: str) -> Any:
    return parse_event(body=body, place=place())


def refused(body: str) -> InvalidEvent:
    with pytest.raises(InvalidEvent) as caught:
        parsed(body)
    return caught.value


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not_json"),
        ('{"event_type": "message.received", ', "not_json"),
        ('{"event_type": NaN}', "not_json"),
        ("[" * 100_000, "not_json"),
        ("[1, 2, 3]", "not_an_object"),
        ('"message.received"', "not_an_object"),
        ("null", "not_an_object"),
        ("{}", "unknown_event_type"),
        ('{"event_type": "message.unknown", "data": {}}', "unknown_event_type"),
        ('{"event_type": ["message.received"]}', "unknown_event_type"),
        ('{"event_type": {"message.received": 1}}', "unknown_event_type"),
    ],
)
def test_a_body_that_is_not_an_event_is_refused_with_its_reason(text: str, reason: str) -> None:
    assert refused(text).reason == reason


@pytest.mark.parametrize(
    ("text", "reason", "field"),
    [
        (body(event_type="message.received"), "missing_field", "data.message"),
        (message_body(event={"data": ABSENT}), "missing_field", "data"),
        (message_body(event={"data": []}), "malformed_field", "data"),
        (message_body(data={"message": SECRET}), "malformed_field", "data.message"),
        (message_body(message={"id": ABSENT}), "missing_field", "data.message.id"),
        (message_body(message={"id": ""}), "missing_field", "data.message.id"),
        (message_body(message={"id": [SECRET]}), "malformed_field", "data.message.id"),
        (message_body(message={"text": {SECRET: 1}}), "malformed_field", "data.message.text"),
        (
            message_body(message={"text": {"body": [SECRET]}}),
            "malformed_field",
            "data.message.text",
        ),
        (message_body(message={"source": [SECRET]}), "malformed_field", "data.message.source"),
        (
            message_body(message={"contact_name": [SECRET]}),
            "malformed_field",
            "data.message.contact_name",
        ),
        (
            message_body(message={"created_at": SECRET}),
            "malformed_field",
            "data.message.created_at",
        ),
        (message_body(message={"id": " \n"}), "missing_field", "data.message.id"),
        (message_body(data={"message": None}), "missing_field", "data.message"),
        (message_body(data={"project_uuid": ABSENT}), "missing_field", "data.project_uuid"),
        (message_body(data={"project_uuid": " "}), "missing_field", "data.project_uuid"),
        (message_body(data={"project_uuid": NIL}), "missing_field", "data.project_uuid"),
        (message_body(data={"project_uuid": SECRET}), "malformed_field", "data.project_uuid"),
        (message_body(data={"channel_uuid": SECRET}), "malformed_field", "data.channel_uuid"),
        (message_body(data={"contact_urn": ABSENT}), "missing_field", "data.contact_urn"),
        (message_body(data={"contact_urn": None}), "missing_field", "data.contact_urn"),
        (message_body(data={"contact_urn": "   "}), "missing_field", "data.contact_urn"),
        (message_body(urn=SECRET * 40), "malformed_field", "data.contact_urn"),
        (message_body(event={"correlation_id": [SECRET]}), "malformed_field", "correlation_id"),
        (survey_body(key=SECRET * 40), "malformed_field", "data.key"),
        (survey_body(key=[SECRET]), "malformed_field", "data.key"),  # type: ignore[arg-type]
        (window_body(data={"project_uuid": SECRET}), "malformed_field", "data.project_uuid"),
        (window_body(data={"has_chats_room": SECRET}), "malformed_field", "has_chats_room"),
        (window_body(data={"external_id": [SECRET]}), "malformed_field", "external_id"),
        (window_body(data={"name": {SECRET: 1}}), "malformed_field", "name"),
        (window_body(data={"start": SECRET}), "malformed_field", "data.start or data.start_date"),
        (
            window_body(data={"end": None, "end_date": "2026-11-23"}),
            "malformed_field",
            "data.end or data.end_date",
        ),
        (close_body(resolution=ABSENT), "missing_field", "data.resolution"),
        (close_body(resolution=None), "missing_field", "data.resolution"),
        (close_body(resolution=SECRET), "malformed_field", "data.resolution"),
        (
            body(event_type="message.unknown", data={"text": SECRET}),
            "unknown_event_type",
            "event_type",
        ),
        (f'{{"text": "{SECRET}', "not_json", "body"),
    ],
)
def test_a_bad_field_is_named_and_its_content_is_not_quoted(
    text: str, reason: str, field: str
) -> None:
    error = refused(text)

    assert error.reason == reason
    assert field in error.message
    assert SECRET not in str(error)
    assert "canary" not in error.message


@pytest.mark.parametrize(
    "channel_uuid", [None, ABSENT, " ", NIL], ids=["null", "missing", "blank", "nil"]
)
@pytest.mark.parametrize("make", [message_body, window_body])
def test_an_event_without_a_channel_has_a_reason_of_its_own(make: Any, channel_uuid: Any) -> None:
    error = refused(make(data={"channel_uuid": channel_uuid}))

    assert error.reason == "no_channel_uuid"
    assert "channel_uuid" in error.message


def event_or_refusal(body: str) -> None:
    with suppress(InvalidEvent):
        assert isinstance(parsed(body), MessageEvent | WindowEvent | CloseEvent)


@settings(max_examples=60)
@given(json_texts())
def test_any_json_is_an_event_or_is_refused(text: str) -> None:
    event_or_refusal(text)


@settings(max_examples=60)
@given(
    event_type=st.sampled_from(
        ["message.received", "message.sent", "conversation.window", "conversation.close"]
    ),
    data=st.dictionaries(
        st.sampled_from(
            [
                "message",
                "project_uuid",
                "channel_uuid",
                "contact_urn",
                "key",
                "value",
                "resolution",
                "has_chats_room",
                "external_id",
                "name",
                "start",
                "end_date",
                "ticket_uuid",
                "agent",
            ]
        ),
        json_documents(),
        max_size=3,
    ),
    message=st.dictionaries(
        st.sampled_from(["id", "message_id", "text", "source", "created_at", "contact_name"]),
        json_documents(),
        max_size=3,
    ),
    event=st.dictionaries(
        st.sampled_from(["correlation_id", "key", "value", "data"]), json_documents(), max_size=1
    ),
)
def test_an_event_with_anything_in_its_fields_is_an_event_or_is_refused(
    event_type: str, data: dict[str, Any], message: dict[str, Any], event: dict[str, Any]
) -> None:
    identity = {"resolution": 0, "message": {**MESSAGE, **message}}

    event_or_refusal(body(event_type=event_type, data={**identity, **data}, event=event))
