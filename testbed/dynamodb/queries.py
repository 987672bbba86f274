"""Query and Scan, which return a page of items.

If more items may follow, the page has a LastEvaluatedKey, which is the key of its last item. The
next page starts after that key.
"""

import re
from collections.abc import Iterator
from typing import Any

from testbed.dynamodb.filters import condition_of
from testbed.dynamodb.items import (
    MAX_PAGE,
    PARTITION,
    SORT,
    Item,
    Refused,
    key_of,
    read_units,
)
from testbed.dynamodb.table import Table

_COMMON = {"TableName", "ConsistentRead", "ExclusiveStartKey", "Limit", "ProjectionExpression"}
_QUERY_FIELDS = _COMMON | {
    *("KeyConditionExpression", "ExpressionAttributeValues", "ScanIndexForward"),
    *("Select", "FilterExpression"),
}
_SCAN_FIELDS = _COMMON | {"ExpressionAttributeValues", "FilterExpression"}
_CONDITION = re.compile(
    rf"{PARTITION} = (?P<partition>:\w+)"
    rf"(?: AND {SORT} BETWEEN (?P<first>:\w+) AND (?P<last>:\w+))?"
)

Answer = tuple[dict[str, Any], float]


def query(table: Table, request: dict[str, Any]) -> Answer:
    """Return a page of one partition and its read units. Raises Refused."""
    condition = _CONDITION.fullmatch(request.get("KeyConditionExpression", ""))
    if condition is None or not request.keys() <= _QUERY_FIELDS:
        raise Refused("ValidationException", "only the service's queries are supported")
    start = request.get("ExclusiveStartKey")
    values = {name: value["S"] for name, value in request["ExpressionAttributeValues"].items()}
    found = table.partition(
        values[condition["partition"]],
        after=start[SORT]["S"] if start else None,
        backwards=not request.get("ScanIndexForward", True),
    )
    if condition["first"]:
        found = _between(found, values[condition["first"]], values[condition["last"]])
    return _page(found, request)


def _between(
    found: Iterator[tuple[Item, int]], first: str, last: str
) -> Iterator[tuple[Item, int]]:
    return ((item, size) for item, size in found if first <= item[SORT]["S"] <= last)


def scan(table: Table, request: dict[str, Any]) -> Answer:
    """Return a page of the table and its read units. Raises Refused."""
    if not request.keys() <= _SCAN_FIELDS:
        raise Refused("ValidationException", "only the service's scans are supported")
    start = request.get("ExclusiveStartKey")
    return _page(table.scan(after=key_of(start) if start else None), request)


def projected(item: Item, request: dict[str, Any]) -> Item:
    """Return the item, or only the attributes that the request's projection names."""
    projection = request.get("ProjectionExpression")
    if projection is None:
        return item
    return {name: item[name] for name in projection.split(", ") if name in item}


def _page(found: Iterator[tuple[Item, int]], request: dict[str, Any]) -> Answer:
    """Return a page. As in DynamoDB, a full page has a LastEvaluatedKey even if nothing follows."""
    limit = request.get("Limit")
    page: list[Item] = []
    size = 0
    for item, item_size in found:
        page.append(item)
        size += item_size
        if len(page) == limit or size >= MAX_PAGE:
            break
    kept = list(filter(condition_of(request), page))
    answer: dict[str, Any] = {"Count": len(kept), "ScannedCount": len(page)}
    if request.get("Select") != "COUNT":
        answer["Items"] = [projected(item, request) for item in kept]
    if page and (len(page) == limit or size >= MAX_PAGE):
        answer["LastEvaluatedKey"] = {name: page[-1][name] for name in (PARTITION, SORT)}
    return answer, read_units(size, consistent=request.get("ConsistentRead", False))
