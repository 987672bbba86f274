"""A change that refuses what the contract allowed is recognized as breaking, and no other."""

from typing import Any

import pytest

from apps.messages.contract.changes import breaking_changes

FIELD = {"type": ["string", "null"], "maxLength": 10}


def body(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": []}


def changes(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Return the breaking changes of a field called `field`."""
    return breaking_changes({"close": body(field=old)}, {"close": body(field=new)})


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (FIELD, {"type": "string", "maxLength": 10}, "may no longer be of type null"),
        ({"type": "number"}, {"type": "integer"}, "may no longer be of type number"),
        ({}, {"type": "string"}, "may no longer be of type array"),
        (FIELD, {**FIELD, "maxLength": 9}, "has a narrower maxLength"),
        ({"type": "string"}, {"type": "string", "minLength": 1}, "has a narrower minLength"),
        ({"type": "string"}, {"type": "string", "pattern": "^a"}, "has another pattern"),
        ({"enum": ["a", "b"]}, {"enum": ["a"]}, "has fewer values"),
        ({"enum": [1]}, {"enum": [True]}, "may no longer be of type integer"),
        ({"type": "string"}, {"enum": ["a"]}, "has fewer values"),
        (FIELD, {**FIELD, "const": "a"}, "has another const"),
        (
            {"anyOf": [{"type": "string"}, {"type": "number", "minimum": 0}]},
            {"anyOf": [{"type": "string"}, {"type": "number", "minimum": 1}]},
            "has a narrower minimum",
        ),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, {"type": "string"}, "of type null"),
        (
            {"type": "object", "properties": {"name": {}}},
            {"type": "object", "properties": {}},
            "field.name was removed",
        ),
        (
            {"type": "object", "anyOf": [{"required": ["id"]}, {"required": ["key"]}]},
            {"type": "object", "anyOf": [{"required": ["id"]}]},
            "field.id has become required",
        ),
    ],
)
def test_a_narrower_field_is_breaking(
    old: dict[str, Any], new: dict[str, Any], problem: str
) -> None:
    found = changes(old, new)

    assert found
    assert found[0].startswith("close: field")
    assert problem in " ".join(found)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (FIELD, FIELD),
        (FIELD, {}),
        (FIELD, {**FIELD, "maxLength": 11}),
        (FIELD, {"type": ["string", "null"]}),
        (FIELD, {**FIELD, "description": "what it means"}),
        ({"type": "integer"}, {"type": "number"}),
        ({"enum": [0, 1]}, {"enum": [0, 1, "0", "1"]}),
        ({"enum": ["a", None]}, {"type": ["string", "null"]}),
        ({"type": "string"}, {"anyOf": [{"type": "string"}, {"type": "object"}]}),
        (
            {"type": "object", "required": ["id"]},
            {"type": "object", "anyOf": [{"required": ["id"]}, {"required": ["key"]}]},
        ),
        (
            {"type": "object", "properties": {}},
            {"type": "object", "properties": {"name": {"type": "string"}}},
        ),
    ],
)
def test_a_wider_field_is_not_breaking(old: dict[str, Any], new: dict[str, Any]) -> None:
    assert changes(old, new) == []


def test_a_removed_field_and_a_removed_type_are_breaking() -> None:
    assert breaking_changes({"close": body(field=FIELD)}, {"close": body()}) == [
        "close: field was removed"
    ]
    assert breaking_changes({"close": body()}, {}) == ["close was removed"]


def test_a_field_that_becomes_required_is_breaking_even_if_it_is_new() -> None:
    new = {**body(field=FIELD, key=FIELD), "required": ["field", "key"]}

    assert breaking_changes({"close": body(field=FIELD)}, {"close": new}) == [
        "close: field has become required",
        "close: key has become required",
    ]


def test_a_new_type_is_not_breaking() -> None:
    assert breaking_changes({}, {"close": body()}) == []
