"""Which changes of a JSON Schema refuse what it allowed before.

Only the keywords that the schemas of this package have are understood. Any change of another
keyword counts as breaking.
"""

from collections.abc import Callable, Iterator, Mapping
from operator import gt, lt
from typing import Any

from apps.messages.contract.allowed import Schema

_TYPES = frozenset({"string", "number", "boolean", "object", "array", "null"})
_ANNOTATIONS = frozenset({"description", "title", "examples", "$comment", "$schema"})
_BOUNDS: Mapping[str, Callable[[float, float], bool]] = {
    "minLength": gt,
    "minimum": gt,
    "maxLength": lt,
    "maximum": lt,
}
_HANDLED = _ANNOTATIONS | {"type", "enum", "anyOf", "required", "properties"} | _BOUNDS.keys()
_BODY = "the body"


def breaking_changes(old: Mapping[str, Schema], new: Mapping[str, Schema]) -> list[str]:
    """Return a sentence for each breaking change. Both arguments map event types to schemas.

    A field that was removed is one, because producers may still rely on it. A new field is none.
    """
    removed = [f"{name} was removed" for name in old if name not in new]
    kept = [name for name in old if name in new]
    return removed + [
        f"{name}: {problem}"
        for name in kept
        for problem in _changes(old[name], new[name], at=_BODY)
    ]


def _changes(old: Schema, new: Schema, *, at: str) -> list[str]:
    """Return the breaking changes of a part of a schema.

    Each alternative of `anyOf` must be allowed by one new alternative.
    """
    found = [
        problem
        for one in _alternatives(old)
        for problem in min(
            (_changes_of_one(one, other, at=at) for other in _alternatives(new)), key=len
        )
    ]
    return list(dict.fromkeys(found))


def _alternatives(schema: Schema) -> list[Schema]:
    """Return schemas without `anyOf` that together allow the same as this one."""
    common = {name: value for name, value in schema.items() if name != "anyOf"}
    required = common.get("required", [])
    return [
        {**common, **one, "required": [*required, *one.get("required", [])]}
        for one in schema.get("anyOf", [{}])
    ]


def _changes_of_one(old: Schema, new: Schema, *, at: str) -> list[str]:
    return [*_changes_of_value(old, new, at=at), *_changes_of_fields(old, new, at=at)]


def _changes_of_value(old: Schema, new: Schema, *, at: str) -> Iterator[str]:
    for type_ in sorted(_types(old) - _types(new)):
        yield f"{at} may no longer be of type {type_}"
    kept = [_typed(value) for value in new.get("enum", ())]
    if "enum" in new and any(_typed(value) not in kept for value in old.get("enum", [...])):
        yield f"{at} has fewer values"
    for keyword, is_narrower in _BOUNDS.items():
        if keyword in new and (keyword not in old or is_narrower(new[keyword], old[keyword])):
            yield f"{at} has a narrower {keyword}"
    for keyword in sorted(new.keys() - _HANDLED):
        if old.get(keyword) != new[keyword]:
            yield f"{at} has another {keyword}"


def _changes_of_fields(old: Schema, new: Schema, *, at: str) -> Iterator[str]:
    for name in sorted(set(new["required"]) - set(old["required"])):
        yield f"{_field(at, name)} has become required"
    for name, schema in old.get("properties", {}).items():
        changed = new.get("properties", {}).get(name)
        if changed is None:
            yield f"{_field(at, name)} was removed"
        else:
            yield from _changes(schema, changed, at=_field(at, name))


def _types(schema: Schema) -> frozenset[str]:
    """Return the types of the values that a schema allows; an integer is a number, too."""
    if "enum" in schema:
        return frozenset(_typed(value)[0] for value in schema["enum"])
    if "type" not in schema:
        return _TYPES | {"integer"}
    types = schema["type"]
    named = frozenset([types] if isinstance(types, str) else types)
    return named | {"integer"} if "number" in named else named


def _typed(value: Any) -> tuple[str, Any]:
    """Return a value with the name of its type, because True equals 1 in Python."""
    match value:
        case None:
            return ("null", value)
        case bool():
            return ("boolean", value)
        case int():
            return ("integer", value)
        case str():
            return ("string", value)
        case _:
            return ("other", value)


def _field(at: str, name: str) -> str:
    return name if at == _BODY else f"{at}.{name}"
