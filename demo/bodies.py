"""The JSON bodies of the generated events."""

from datetime import datetime

from demo.events import ConversationName, JsonObject

# What producers get wrong, by the reason for which the worker quarantines it.
INVALID_KINDS = (
    "not_json",
    "not_an_object",
    "unknown_event_type",
    "no_channel_uuid",
    "malformed_field",
    "score_out_of_range",
)


def message(
    *,
    conversation: ConversationName,
    event_type: str,
    correlation_id: str,
    message_id: str,
    text: str,
    created_at: datetime,
    contact_name: str,
) -> JsonObject:
    """`message.received` or `message.sent`. In UTC the time ends in Z, else in its offset."""
    fields = {
        "id": message_id,
        "text": text,
        "source": "incoming" if event_type == "message.received" else "outgoing",
        "created_at": created_at.isoformat().replace("+00:00", "Z"),
        "contact_name": contact_name,
    }
    data = {**_identity(conversation), "message": fields}
    return {"event_type": event_type, "correlation_id": correlation_id, "data": data}


def answer(
    *,
    conversation: ConversationName,
    correlation_id: str,
    message_id: str,
    key: str,
    value: str,
) -> JsonObject:
    """A survey answer on its dummy message."""
    dummy = {
        "id": message_id,
        "text": "",
        "source": "system",
        "created_at": "",
        "contact_name": "System",
    }
    data = {**_identity(conversation), "message": dummy, "key": key, "value": value}
    return {"event_type": "message.received", "correlation_id": correlation_id, "data": data}


def close(*, conversation: ConversationName, correlation_id: str, resolution: int) -> JsonObject:
    """`conversation.close`."""
    data = {**_identity(conversation), "resolution": resolution}
    return {"event_type": "conversation.close", "correlation_id": correlation_id, "data": data}


def takeover(
    *,
    conversation: ConversationName,
    correlation_id: str,
    external_id: str,
    start: datetime,
    end: datetime,
    contact_name: str,
) -> JsonObject:
    """The `conversation.window` that says that a human took over."""
    data = {
        **_identity(conversation),
        "external_id": external_id,
        "start": start.isoformat(),
        "end": end.isoformat(),
        "has_chats_room": True,
        "name": contact_name,
    }
    return {"event_type": "conversation.window", "correlation_id": correlation_id, "data": data}


def invalid(*, kind: str, valid: JsonObject) -> JsonObject | str:
    """A valid event with the defect of that kind. Raises ValueError for an unknown kind."""
    data = valid["data"]
    match kind:
        case "not_json":
            return '{"event_type": "message.received", "data": {'
        case "not_an_object":
            return '["message.received"]'
        case "unknown_event_type":
            return {**valid, "event_type": "message.deleted"}
        case "no_channel_uuid":
            return {**valid, "data": {**data, "channel_uuid": None}}
        case "malformed_field":
            changed = {**data["message"], "created_at": "yesterday"}
            return {**valid, "data": {**data, "message": changed}}
        case "score_out_of_range":
            dummy = {**data["message"], "text": "", "source": "system", "created_at": ""}
            changed = {**data, "message": dummy, "key": "weni_csat", "value": "9"}
            return {**valid, "event_type": "message.received", "data": changed}
        case _:
            raise ValueError(f"No kind of invalid event is called {kind!r}.")


def _identity(conversation: ConversationName) -> JsonObject:
    return {
        "project_uuid": conversation.project_uuid,
        "contact_urn": conversation.contact_urn,
        "channel_uuid": conversation.channel_uuid,
    }
