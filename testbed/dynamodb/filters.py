"""The filter expressions of the service: conditions on attributes, joined by AND and OR.

Parentheses are only around alternatives, as in "a AND (b OR c)".
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from testbed.dynamodb.items import Item, Refused

_EXISTS = re.compile(r"attribute_exists\((\w+)\)")
_NOT_EXISTS = re.compile(r"attribute_not_exists\((\w+)\)")
_AT_LEAST = re.compile(r"(\w+) >= (:\w+)")

Condition = Callable[[Item], bool]


def condition_of(request: Mapping[str, Any]) -> Condition:
    """Return the filter of a request as a function. Raises Refused if it is not supported."""
    expression = request.get("FilterExpression")
    values = request.get("ExpressionAttributeValues", {})
    if expression is None:
        return lambda _item: True
    groups = [
        [_simple(one, values) for one in _alternatives(group)]
        for group in expression.split(" AND ")
    ]
    return lambda item: all(any(one(item) for one in group) for group in groups)


def _alternatives(group: str) -> list[str]:
    return group[1:-1].split(" OR ") if group.startswith("(") else [group]


def _simple(text: str, values: Mapping[str, Any]) -> Condition:
    if found := _EXISTS.fullmatch(text):
        present = found[1]
        return lambda item: present in item
    if found := _NOT_EXISTS.fullmatch(text):
        absent = found[1]
        return lambda item: absent not in item
    if found := _AT_LEAST.fullmatch(text):
        name, bound = found[1], int(values[found[2]]["N"])
        return lambda item: "N" in item.get(name, {}) and int(item[name]["N"]) >= bound
    raise Refused("ValidationException", f"this condition is not supported: {text}")
