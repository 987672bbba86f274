"""The actions of DynamoDB that the message store uses, and the capacity that they consume."""

from collections.abc import Callable
from typing import Any

from testbed.dynamodb.accounts import Accounts, Write
from testbed.dynamodb.items import (
    MAX_BATCH_ENTRIES,
    SORT,
    Item,
    Refused,
    key_of,
    of_allowed_size,
    read_units,
    write_units,
)
from testbed.dynamodb.queries import projected, query, scan
from testbed.dynamodb.table import Table
from testbed.entries import entry_of

Fields = dict[str, Any]

# How many characters of an entry the log keeps. They show which message was written.
_BEGINNING = 160


class Actions:
    """All tables, and the actions on them. `clock` returns seconds since the epoch."""

    def __init__(self, *, accounts: Accounts, clock: Callable[[], float]) -> None:
        self.tables: dict[str, Table] = {}
        self._accounts = accounts
        self._clock = clock
        self._handlers: dict[str, Callable[[Fields], Fields]] = {
            "CreateTable": self._create,
            "DeleteTable": self._delete,
            "DescribeTable": self._describe,
            "DescribeTimeToLive": self._describe_expiry,
            "UpdateTimeToLive": self._update_expiry,
            "PutItem": self._put,
            "GetItem": self._get,
            "Query": self._query,
            "Scan": self._scan,
        }

    def answer(
        self, action: str, request: Fields, *, leaves_out: Callable[[], bool] = lambda: False
    ) -> Fields:
        """Return DynamoDB's answer. Raises Refused.

        `leaves_out` is called for each request of a batch; if it returns true, the request is left
        unprocessed.
        """
        if action == "BatchWriteItem":
            return self._write_batch(request, leaves_out)
        handler = self._handlers.get(action)
        if handler is None:
            raise Refused("UnknownOperationException", action)
        return handler(request)

    def _create(self, request: Fields) -> Fields:
        if request["TableName"] in self.tables:
            raise Refused("ResourceInUseException", "Table already exists")
        table = self.tables[request["TableName"]] = Table(key_schema=request["KeySchema"])
        return {"TableDescription": _description(request, table)}

    def _delete(self, request: Fields) -> Fields:
        table = self._table(request)
        del self.tables[request["TableName"]]
        return {"TableDescription": _description(request, table)}

    def _describe(self, request: Fields) -> Fields:
        return {"Table": _description(request, self._table(request))}

    def _describe_expiry(self, request: Fields) -> Fields:
        name = self._table(request).expiry_attribute
        on = {"TimeToLiveStatus": "ENABLED", "AttributeName": name}
        return {"TimeToLiveDescription": on if name else {"TimeToLiveStatus": "DISABLED"}}

    def _update_expiry(self, request: Fields) -> Fields:
        wanted = request["TimeToLiveSpecification"]
        self._table(request).expiry_attribute = (
            wanted["AttributeName"] if wanted["Enabled"] else None
        )
        return {"TimeToLiveSpecification": wanted}

    def _put(self, request: Fields) -> Fields:
        condition = request.get("ConditionExpression")
        if condition not in (None, f"attribute_not_exists({SORT})"):
            raise Refused("ValidationException", "an unknown condition")
        table, item = self._table(request), of_allowed_size(request["Item"])
        size_before = table.size_of(item) if condition else 0
        if size_before:
            self._spend(request["TableName"], "PutItem", writes=write_units(size_before))
            raise Refused("ConditionalCheckFailedException", "The conditional request failed")
        self._spend(request["TableName"], "PutItem", writes=self._write(request["TableName"], item))
        return {}

    def _get(self, request: Fields) -> Fields:
        table = self._table(request)
        item, size = table.get(request["Key"]), table.size_of(request["Key"])
        units = read_units(size, consistent=request.get("ConsistentRead", False))
        self._spend(request["TableName"], "GetItem", reads=units)
        return {"Item": projected(item, request)} if item else {}

    def _query(self, request: Fields) -> Fields:
        answer, units = query(self._table(request), request)
        self._spend(request["TableName"], "Query", reads=units)
        return answer

    def _scan(self, request: Fields) -> Fields:
        answer, units = scan(self._table(request), request)
        self._spend(request["TableName"], "Scan", reads=units)
        return answer

    def _write_batch(self, request: Fields, leaves_out: Callable[[], bool]) -> Fields:
        ((name, requests),) = request["RequestItems"].items()
        table = self._table({"TableName": name})
        _check_batch(requests)
        left: list[Fields] = []
        done: list[Fields] = []
        for one in requests:
            (left if leaves_out() else done).append(one)
        if not done:
            raise Refused("ProvisionedThroughputExceededException", "no capacity for any item")
        units = 0
        for one in done:
            if "PutRequest" in one:
                units += self._write(name, one["PutRequest"]["Item"])
            else:
                units += write_units(table.delete(one["DeleteRequest"]["Key"]))
        self._spend(name, "BatchWriteItem", writes=units)
        return {"UnprocessedItems": {name: left} if left else {}}

    def _write(self, table: str, item: Item) -> int:
        sizes = self.tables[table].put(item)
        self._accounts.writes[table].append(
            Write(self._clock(), *key_of(item), beginning=entry_of(item)[:_BEGINNING])
        )
        return write_units(*sizes)

    def _spend(self, table: str, action: str, *, writes: int = 0, reads: float = 0.0) -> None:
        usage = self._accounts.usage[table][action]
        usage.write_units += writes
        usage.read_units += reads

    def _table(self, request: Fields) -> Table:
        if request["TableName"] not in self.tables:
            raise Refused("ResourceNotFoundException", "Requested resource not found")
        return self.tables[request["TableName"]]


def _check_batch(requests: list[Fields]) -> None:
    for one in requests:
        if "PutRequest" in one:
            of_allowed_size(one["PutRequest"]["Item"])
    keys = {key_of(_changed(one)) for one in requests}
    if not 1 <= len(requests) <= MAX_BATCH_ENTRIES or len(keys) < len(requests):
        raise Refused("ValidationException", "1 to 25 requests, each for another item")


def _changed(request: Fields) -> Item:
    item: Item = (
        request["PutRequest"]["Item"]
        if "PutRequest" in request
        else request["DeleteRequest"]["Key"]
    )
    return item


def _description(request: Fields, table: Table) -> Fields:
    return {
        "TableName": request["TableName"],
        "TableStatus": "ACTIVE",
        "KeySchema": table.key_schema,
    }
