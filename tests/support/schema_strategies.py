"""Hypothesis strategies for what a JSON Schema allows. They know the keywords of our schemas."""

import re
from typing import Any

from hypothesis import strategies as st

# Values of fields that a schema does not describe. Other tests have more difficult ones.
_ANYTHING = st.sampled_from([None, True, 0, 1.5, "", "\N{GRINNING FACE}", ["a"], {"a": None}])


def allowed_by(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Return a strategy for documents that a schema allows."""
    if "anyOf" in schema:
        common = {name: value for name, value in schema.items() if name != "anyOf"}
        return st.one_of([allowed_by(_both(common, one)) for one in schema["anyOf"]])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    types = schema.get("type")
    if types is None:
        return _ANYTHING
    of_types = [_of_type(one, schema) for one in ([types] if isinstance(types, str) else types)]
    return st.one_of(of_types)


def _both(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    required = [*one.get("required", []), *other.get("required", [])]
    return {**one, **other, **({"required": required} if required else {})}


def _of_type(name: str, schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    low, high = schema.get("minimum"), schema.get("maximum")
    match name:
        case "null":
            return st.none()
        case "boolean":
            return st.booleans()
        case "integer":
            return st.integers(low, high)
        case "number":
            floats = st.floats(low, high, allow_nan=False, allow_infinity=False)
            return st.one_of(st.integers(low, high), floats)
        case "string":
            return _texts(schema)
        case "object":
            return _objects(schema)
        case _:
            raise ValueError(f"JSON Schema has no type {name!r}")


def _texts(schema: dict[str, Any]) -> st.SearchStrategy[str]:
    longest = schema.get("maxLength", 1_000)
    pattern = schema.get("pattern")
    refused = schema.get("not", {}).get("pattern", "(?!)")
    texts = st.from_regex(pattern) if pattern else st.text(max_size=longest)
    # In Python `$` also matches before a newline at the end, unlike in ECMAScript.
    return texts.filter(
        lambda text: len(text) <= longest and not re.search(refused, text) and text[-1:] != "\n"
    )


def _objects(schema: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    fields = {name: allowed_by(one) for name, one in schema.get("properties", {}).items()}
    required = {name: fields.pop(name) for name in schema.get("required", ()) if name in fields}
    return st.fixed_dictionaries(required, optional={"attachments": _ANYTHING, **fields})
