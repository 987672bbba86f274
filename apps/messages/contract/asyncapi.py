"""The AsyncAPI 3 document of the events' queue."""

from typing import Any

from apps.messages.contract import VERSION
from apps.messages.contract.allowed import Schema
from apps.messages.contract.schemas import body_schemas

_CHANNEL = "conversations"
# SQS attributes have a type and a value; AsyncAPI's headers are the values.
_ATTRIBUTE: Schema = {"type": "string"}


def asyncapi_document() -> dict[str, Any]:
    """Return the document."""
    bodies = body_schemas()
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Conversation service",
            "version": f"{VERSION}.0.0",
            "description": "Events that chat platforms put on the queue; see docs/events.md.",
        },
        "defaultContentType": "application/json",
        "channels": {_CHANNEL: _channel(bodies)},
        "operations": {
            "processEvent": {
                "action": "receive",
                "channel": {"$ref": f"#/channels/{_CHANNEL}"},
                "summary": "The service processes the events of a message group in queue order.",
            }
        },
        "components": {
            "messages": {name: _message(name, body) for name, body in bodies.items()},
            "schemas": bodies,
        },
    }


def _channel(bodies: dict[str, Schema]) -> dict[str, Any]:
    queue = {
        "name": "conversations.fifo",
        "fifoQueue": True,
        "deduplicationScope": "messageGroup",
        "fifoThroughputLimit": "perMessageGroupId",
    }
    return {
        "address": queue["name"],
        "description": (
            "An SQS FIFO queue. MessageGroupId is project_uuid:channel_uuid:contact_urn, with a "
            "stable hash in place of a urn that SQS refuses. MessageDeduplicationId is unique for "
            "the event."
        ),
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in bodies},
        "bindings": {"sqs": {"queue": queue, "bindingVersion": "0.2.0"}},
    }


def _message(name: str, body: Schema) -> dict[str, Any]:
    headers = {
        "type": "object",
        "description": "SQS message attributes, all optional if the body has an event_type.",
        "properties": {
            "event_type": {"const": name},
            "project_uuid": _ATTRIBUTE,
            "channel_uuid": _ATTRIBUTE,
            "traceparent": _ATTRIBUTE,
        },
    }
    return {
        "name": name,
        "title": body["description"],
        "headers": headers,
        "payload": {"$ref": f"#/components/schemas/{name}"},
    }
