"""The JSON Schemas and the AsyncAPI document are valid, and say what the service accepts."""

import json
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import pytest
from jsonschema import Draft7Validator, Draft202012Validator
from pydantic import BaseModel

from apps.messages.contract.allowed import FIELDS
from apps.messages.contract.asyncapi import asyncapi_document
from apps.messages.contract.schemas import body_schemas
from apps.messages.event_types import EVENT_TYPES
from tests.contract.shapes import Shape, read_shapes
from tests.support.pages import fenced, page

# JSON Schema takes 1.0 for the integer 1, and the service does not.
NOT_IN_JSON_SCHEMA = {"close with resolution 1.0"}


# Generating the schemas takes longer than all other work of a test.
VALIDATORS = {name: Draft202012Validator(schema) for name, schema in body_schemas().items()}


def is_valid(event: Any, *, event_type: str) -> bool:
    return VALIDATORS[event_type].is_valid(event)


def shapes_of_known_types() -> list[Shape]:
    return [
        shape
        for shape in read_shapes()
        if shape.event_type in EVENT_TYPES and shape.name not in NOT_IN_JSON_SCHEMA
    ]


def examples() -> list[dict[str, Any]]:
    """Return the events in the documentation. Bodies of other producers have no type."""
    bodies = map(json.loads, fenced(page("docs/events.md"), language="json"))
    return [body for body in bodies if "event_type" in body]


def fields_of(model: type[BaseModel]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        yield name
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from fields_of(field.annotation)


@pytest.mark.parametrize("name", EVENT_TYPES)
def test_every_schema_is_a_schema(name: str) -> None:
    Draft202012Validator.check_schema(body_schemas()[name])


def test_the_asyncapi_document_is_one() -> None:
    specification = files("tests.support").joinpath("asyncapi-3.0.0.json").read_text()

    assert list(Draft7Validator(json.loads(specification)).iter_errors(asyncapi_document())) == []


def test_the_asyncapi_document_has_every_event_type() -> None:
    document = asyncapi_document()
    (channel,) = document["channels"].values()

    assert set(channel["messages"]) == set(document["components"]["messages"]) == set(EVENT_TYPES)


@pytest.mark.parametrize("event", examples(), ids=lambda event: str(event["event_type"]))
def test_every_example_in_the_documentation_is_valid(event: dict[str, Any]) -> None:
    assert is_valid(event, event_type=event["event_type"])


@pytest.mark.parametrize("shape", shapes_of_known_types(), ids=lambda shape: shape.name)
def test_a_shape_is_valid_unless_it_is_quarantined(shape: Shape) -> None:
    """So the schemas allow what real producers send, and nothing that is refused."""
    is_accepted = "quarantined" not in shape.expect

    assert is_valid(shape.event, event_type=shape.event_type) == is_accepted


def test_every_described_field_is_one_of_a_wire_model() -> None:
    fields = {name for one in EVENT_TYPES.values() for name in fields_of(one.wire)}

    assert FIELDS.keys() <= fields


def test_a_maximum_length_is_that_of_the_wire_model() -> None:
    data = body_schemas()["message.received"]["properties"]["data"]["properties"]

    assert data["contact_urn"]["maxLength"] == 512
    assert data["key"]["maxLength"] == 255
