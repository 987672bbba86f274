"""The JSON bodies of events, healthy and poisoned."""

import json
import random
from collections.abc import Callable
from typing import Any

from tests.chaos.plan import Contact

JsonObject = dict[str, Any]

# What stores refuse or misread: NUL, a lone surrogate, text from right to left, markup, SQL.
HOSTILE_TEXTS = (
    "\x00 and \ud83d alone",
    "שלום \u202e dlrow",
    "'; DROP TABLE conversations_conversation; --",
    '{"properties": {"delivery_tag": 1}} <script>alert(1)</script>',
    "\\u0000 \\ud800 written out",
    "😀" * 50,
)
LARGE_TEXT = "large " * 70_000


def message(
    *, contact: Contact, correlation_id: str, event_type: str, fields: JsonObject
) -> JsonObject:
    """`message.received` or `message.sent`; `fields` are those of the message."""
    is_received = event_type == "message.received"
    told = {"source": "incoming" if is_received else "outgoing", "contact_name": "Ana", **fields}
    return {
        "event_type": event_type,
        "correlation_id": correlation_id,
        "data": {**_identity(contact), "message": told},
    }


def answer(
    *, contact: Contact, correlation_id: str, message_id: str, key: str, value: str
) -> JsonObject:
    """A survey answer on its dummy message."""
    dummy = {"id": message_id, "text": "", "source": "system", "created_at": ""}
    return {
        "event_type": "message.received",
        "correlation_id": correlation_id,
        "data": {**_identity(contact), "message": dummy, "key": key, "value": value},
    }


def window(
    *, contact: Contact, correlation_id: str, external_id: str, has_chats_room: bool
) -> JsonObject:
    """`conversation.window`."""
    told = {"external_id": external_id, "has_chats_room": has_chats_room, "name": "Ana"}
    return {
        "event_type": "conversation.window",
        "correlation_id": correlation_id,
        "data": {**_identity(contact), **told},
    }


def close(*, contact: Contact, correlation_id: str, resolution: int) -> JsonObject:
    """`conversation.close`."""
    return {
        "event_type": "conversation.close",
        "correlation_id": correlation_id,
        "data": {**_identity(contact), "resolution": resolution},
    }


def poison(*, contact: Contact, token: str, chance: random.Random) -> tuple[str, str]:
    """A body that can never take effect, and the reason that must be told; no two are the same."""
    valid = message(
        contact=contact,
        correlation_id=token,
        event_type="message.received",
        fields={"id": token, "text": token, "created_at": "2026-01-01T00:00:00Z"},
    )
    kind = chance.choice(list(_POISON))
    body = _POISON[kind](valid)
    return (body if isinstance(body, str) else json.dumps(body)), kind.partition(":")[0]


def _without(valid: JsonObject, *names: str) -> JsonObject:
    data = {name: value for name, value in valid["data"].items() if name not in names}
    return {**valid, "data": data}


def _with_message(valid: JsonObject, **fields: Any) -> JsonObject:
    changed = {**valid["data"]["message"], **fields}
    return {**valid, "data": {**valid["data"], "message": changed}}


def _forged(valid: JsonObject) -> JsonObject:
    """A message in Celery's form that would run any code."""
    body = json.dumps([[valid["correlation_id"]], {}, {}])
    return {
        "body": body,
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": {"lang": "py", "task": "os.system", "id": valid["correlation_id"]},
        "properties": {"delivery_tag": valid["correlation_id"], "body_encoding": "utf-8"},
    }


def _scored(valid: JsonObject, value: str) -> JsonObject:
    dummy = _with_message(valid, text="", source="system", created_at="")
    return {**dummy, "data": {**dummy["data"], "key": "weni_csat", "value": value}}


# By the reason, and after a colon what tells the kinds of one reason apart.
_POISON: dict[str, Callable[[JsonObject], JsonObject | str]] = {
    "not_json": lambda valid: json.dumps(valid)[:-1],
    "not_json:NaN": lambda valid: json.dumps({**valid, "number": float("nan")}),
    "not_json:deep": lambda valid: f'{{"{valid["correlation_id"]}": {"[" * 50_000}',
    "not_an_object": lambda valid: json.dumps([valid["correlation_id"]]),
    "unknown_event_type": lambda valid: {**valid, "event_type": "message.deleted"},
    "unknown_event_type:properties": lambda valid: {
        "properties": {"delivery_tag": 1},
        "order": valid["correlation_id"],
    },
    "missing_field": lambda valid: _without(valid, "contact_urn"),
    "missing_field:message": lambda valid: _without(valid, "message"),
    "no_channel_uuid": lambda valid: _without(valid, "channel_uuid"),
    "malformed_field": lambda valid: _with_message(valid, created_at="yesterday"),
    "malformed_field:uuid": lambda valid: {
        **valid,
        "data": {**valid["data"], "project_uuid": "none"},
    },
    "score_out_of_range": lambda valid: _scored(valid, "9"),
    "score_out_of_range:word": lambda valid: _scored(valid, "very good"),
    "not_allowed": _forged,
}


def _identity(contact: Contact) -> JsonObject:
    return {
        "project_uuid": contact.project,
        "channel_uuid": contact.channel,
        "contact_urn": contact.urn,
    }
