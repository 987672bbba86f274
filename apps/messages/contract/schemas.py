"""The JSON Schema of each event type, generated from its wire model."""

from typing import Any

from apps.messages.contract import VERSION
from apps.messages.contract.allowed import Schema
from apps.messages.event_types import EVENT_TYPES, EventType

DIALECT = "https://json-schema.org/draft/2020-12/schema"
# What pydantic adds, and what says nothing about the JSON: its names of Python classes and fields,
# and defaults, which stand for an absent field.
_ANNOTATIONS_OF_PYTHON = ("title", "default")
_NOTHING: tuple[str, list[str]] = ("required", [])


def body_schemas() -> dict[str, Schema]:
    """Return the JSON Schema of the body of each event type, by the type's name."""
    return {name: _body_schema(event_type) for name, event_type in EVENT_TYPES.items()}


def document(name: str, schema: Schema) -> Schema:
    """Return the schema of an event type as a document of its own."""
    return {"$schema": DIALECT, "title": name, "$comment": f"version {VERSION}", **schema}


def _body_schema(event_type: EventType[Any]) -> Schema:
    generated = event_type.wire.model_json_schema(mode="validation")
    schema: Schema = _inlined(generated, definitions=generated.get("$defs", {}))
    named: Schema = {
        "enum": [event_type.name, None],
        "description": "Required, unless the message attribute event_type has it.",
    }
    return {
        **schema,
        "description": event_type.label,
        "properties": {"event_type": named, **schema["properties"]},
    }


def _inlined(part: Any, *, definitions: dict[str, Any]) -> Any:
    """Return a part of a schema without references and without annotations of Python."""
    if isinstance(part, list):
        return [_inlined(one, definitions=definitions) for one in part]
    if not isinstance(part, dict):
        return part
    if "$ref" in part:
        name = part["$ref"].removeprefix("#/$defs/")
        part = {**definitions[name], **part}
    return {
        name: _properties(value, definitions=definitions)
        if name == "properties"
        else _inlined(value, definitions=definitions)
        for name, value in part.items()
        if name not in (*_ANNOTATIONS_OF_PYTHON, "$ref", "$defs") and (name, value) != _NOTHING
    }


def _properties(properties: Schema, *, definitions: dict[str, Any]) -> Schema:
    """Return the schemas of properties, which may be called "title" themselves."""
    return {name: _inlined(one, definitions=definitions) for name, one in properties.items()}
