"""What producers may write in each field, as JSON Schemas.

The types of the wire models say what a field is after their validators; these schemas say what it
may be before. Regular expressions have only what Python and ECMAScript read alike.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

Schema = dict[str, Any]

_HEX = "[0-9A-Fa-f]"
_DATE = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME = r"[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?"
_DIGITS = "0|[0-9]{9,11}|[0-9]{13}"
_OFFSET = "([Zz]|[+-]([01][0-9]|2[0-3])(:?[0-5][0-9])?| UTC)"

_WHOLE_NUMBERS: Schema = {"minimum": -(2**63), "maximum": 2**63 - 1}

TEXT: Schema = {"type": ["string", "integer", "null"], **_WHOLE_NUMBERS}
ID: Schema = {
    "anyOf": [TEXT, {"type": "object", "properties": {"uuid": TEXT, "id": TEXT}}],
}
UUID: Schema = {
    "description": "A UUID, but not the nil UUID.",
    "type": "string",
    "pattern": f"^({_HEX}{{32}}|{_HEX}{{8}}(-{_HEX}{{4}}){{3}}-{_HEX}{{12}})$",
    "not": {"pattern": "^[0-]*$"},
}
TIME: Schema = {
    "description": "RFC 3339 with Z or an offset, or seconds or milliseconds since 1970.",
    "anyOf": [
        {"type": "string", "pattern": rf"^\s*({_DATE}[Tt ]{_TIME}{_OFFSET}|{_DIGITS})?\s*$"},
        # Seconds until the year 5138, then milliseconds until 2286. Other numbers may be dates in
        # digits.
        {"type": "number", "minimum": 10**8, "maximum": 10**11 - 1},
        {"type": "number", "minimum": 10**12, "maximum": 10**13 - 1},
        {"enum": [0, None]},
    ],
}

# By the name of a field, which means the same in all models.
FIELDS: Mapping[str, Schema] = {
    "project_uuid": UUID,
    "channel_uuid": UUID,
    "contact_urn": {"type": "string", "pattern": r"\S"},
    "id": {"type": ["string", "integer"], "pattern": r"\S", **_WHOLE_NUMBERS},
    "text": {
        "anyOf": [
            TEXT,
            {"type": "object", "required": ["body"], "properties": {"body": {"type": "string"}}},
        ]
    },
    "created_at": TIME,
    "start": TIME,
    "end": TIME,
    "ticket_uuid": ID,
    "agent_uuid": ID,
    "key": {
        "description": "Makes a message.received a survey answer.",
        "type": ["string", "null"],
    },
    "value": {},
    "direction": {
        "description": "Whether the contact wrote the message, or got it.",
        "enum": ["received", "sent", "", None],
    },
    "status": {
        "description": "Counted: sent, delivered, read, failed, or another one.",
        "type": ["string", "null"],
    },
    "has_chats_room": {
        "description": "Whether a human has taken over.",
        "type": ["boolean", "null"],
    },
    "resolution": {
        "description": "0: resolved, 1: unresolved, 3: unclassified, 4: has chat room.",
        "enum": [0, 1, 3, 4, "0", "1", "3", "4"],
    },
}


class Named(Protocol):
    """A model with fields for which producers have several names.

    `names` maps the name of such a field in the model to all names that producers may use.
    """

    names: Mapping[str, Sequence[str]]


def describe(schema: Schema, model: type[Named]) -> None:
    """Change the JSON Schema of a wire model, as pydantic made it, to what producers may write.

    An optional text may also be a number or null. Maximum lengths are those of the model.
    """
    properties, required = schema["properties"], schema.get("required", [])
    for name, of_model in properties.items():
        bounds = {"maxLength": of_model["maxLength"]} if "maxLength" in of_model else {}
        if name in FIELDS:
            properties[name] = {**FIELDS[name], **bounds}
        elif of_model.get("type") == "string" and name not in required:
            properties[name] = {**TEXT, **bounds}
    for name, others in model.names.items():
        properties.update(dict.fromkeys(others, properties[name]))
        if name in required:
            schema["required"] = [one for one in required if one != name]
            schema["anyOf"] = [{"required": [other]} for other in others]
