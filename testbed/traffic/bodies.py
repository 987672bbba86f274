"""The JSON bodies of events as producers write them, valid or invalid."""

import json
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from string import ascii_letters, digits
from typing import Any
from uuid import UUID

from testbed.traffic.events import Answer, Contact, JsonObject

# Texts that stores may refuse or misread: NUL, a lone surrogate, right-to-left text, markup, SQL.
HOSTILE_TEXTS = (
    "\x00 and \ud83d alone",
    "שלום \u202e dlrow",
    "'; DROP TABLE conversations_conversation; --",
    '{"properties": {"delivery_tag": 1}} <script>alert(1)</script>',
    "\\u0000 \\ud800 written out",
    "😀" * 50,
)
# Random, so that it does not fit into an item of DynamoDB even if it is compressed.
_LETTERS = ascii_letters + digits + " .,;!"
LARGE_TEXT = "".join(random.Random(0).choices(_LETTERS, k=420_000))  # noqa: S311 (not secret)
_WINDOW = timedelta(days=1)


def message(
    *, contact: Contact, correlation_id: str, event_type: str, fields: JsonObject
) -> JsonObject:
    """Return `message.received` or `message.sent`; `fields` are those of the message."""
    source = "incoming" if event_type == "message.received" else "outgoing"
    return _event(
        event_type,
        contact=contact,
        correlation_id=correlation_id,
        message={"source": source, "contact_name": contact.name, **fields},
    )


def answer(*, contact: Contact, correlation_id: str, answer: Answer, value: Any) -> JsonObject:
    """Return a survey answer with its dummy message. `value` is the form in which it is sent."""
    return _event(
        "message.received",
        contact=contact,
        correlation_id=correlation_id,
        message={
            "id": answer.message_id,
            "text": "",
            "source": "system",
            "created_at": "",
            "contact_name": "System",
        },
        key=answer.key,
        value=value,
    )


def window(
    *, contact: Contact, correlation_id: str, start: datetime, has_chats_room: bool
) -> JsonObject:
    """Return `conversation.window`; with `has_chats_room`, a human took over.

    Its external id is the correlation id.
    """
    return _event(
        "conversation.window",
        contact=contact,
        correlation_id=correlation_id,
        external_id=correlation_id,
        start=start.isoformat(),
        end=(start + _WINDOW).isoformat(),
        has_chats_room=has_chats_room,
        name=contact.name,
    )


def close(*, contact: Contact, correlation_id: str, resolution: int) -> JsonObject:
    """Return `conversation.close`."""
    return _event(
        "conversation.close", contact=contact, correlation_id=correlation_id, resolution=resolution
    )


def invalid(*, kind: str, valid: JsonObject) -> str:
    """Return an invalid body, made from the body of a message.

    Bodies of different correlation ids differ. Raises KeyError for an unknown kind.
    """
    body = _INVALID[kind](valid)
    return body if isinstance(body, str) else json.dumps(body)


def _event(event_type: str, *, contact: Contact, correlation_id: str, **data: Any) -> JsonObject:
    identity = {
        "project_uuid": contact.project,
        "channel_uuid": contact.channel,
        "contact_urn": contact.urn,
    }
    return {
        "event_type": event_type,
        "correlation_id": correlation_id,
        "data": {**identity, **data},
    }


def _without(valid: JsonObject, *names: str) -> JsonObject:
    data = {name: value for name, value in valid["data"].items() if name not in names}
    return {**valid, "data": data}


def _with_data(valid: JsonObject, **fields: Any) -> JsonObject:
    return {**valid, "data": {**valid["data"], **fields}}


def _with_message(valid: JsonObject, **fields: Any) -> JsonObject:
    return _with_data(valid, message={**valid["data"]["message"], **fields})


def _forged(valid: JsonObject) -> JsonObject:
    """Return a forged Celery message. A worker that trusted it would run os.system."""
    body = json.dumps([[valid["correlation_id"]], {}, {}])
    return {
        "body": body,
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": {"lang": "py", "task": "os.system", "id": valid["correlation_id"]},
        "properties": {"delivery_tag": valid["correlation_id"], "body_encoding": "utf-8"},
    }


# By kind, the functions that make an invalid body from a valid one. A kind is the reason with which
# the worker quarantines the body; a word after a colon distinguishes kinds with the same reason.
_INVALID: dict[str, Callable[[JsonObject], JsonObject | str]] = {
    "not_json": lambda valid: json.dumps(valid)[:-1],
    "not_json:NaN": lambda valid: json.dumps({**valid, "number": float("nan")}),
    "not_json:deep": lambda valid: f'{{"{valid["correlation_id"]}": {"[" * 50_000}',
    "not_an_object": lambda valid: json.dumps([valid["correlation_id"]]),
    "unknown_event_type": lambda valid: {**valid, "event_type": "message.unknown"},
    "unknown_event_type:properties": lambda valid: {
        "properties": {"delivery_tag": 1},
        "order": valid["correlation_id"],
    },
    "missing_field": lambda valid: _without(valid, "contact_urn"),
    "missing_field:message": lambda valid: _without(valid, "message"),
    "missing_field:blank": lambda valid: _with_data(valid, contact_urn="   "),
    "missing_field:nil": lambda valid: _with_data(valid, project_uuid=str(UUID(int=0))),
    "no_channel_uuid": lambda valid: _without(valid, "channel_uuid"),
    "no_channel_uuid:null": lambda valid: _with_data(valid, channel_uuid=None),
    "no_channel_uuid:nil": lambda valid: _with_data(valid, channel_uuid=str(UUID(int=0))),
    "malformed_field": lambda valid: _with_message(valid, created_at="yesterday"),
    "malformed_field:date": lambda valid: _with_message(valid, created_at="2026-01-31"),
    "malformed_field:local": lambda valid: _with_message(valid, created_at="2026-01-31T12:00:00"),
    "malformed_field:uuid": lambda valid: _with_data(valid, project_uuid="none"),
    "not_allowed": _forged,
}
INVALID_KINDS = tuple(_INVALID)
# The kinds of bodies that no known producer sends. They are sent without message attributes.
FOREIGN_KINDS = ("unknown_event_type:properties", "not_allowed")


def reason_of(kind: str) -> str:
    """Return the reason with which the worker quarantines invalid events of that kind."""
    return kind.partition(":")[0]
