"""`python -m tests.support.fake_dynamodb`: the part of DynamoDB that the store of messages uses.

For benchmarks: moto's Query looks at every item of a table, so that closings would be measured by
how slow it is. This one finds a partition at once. What it does not know it refuses.
`tests/integration/test_fake_dynamodb.py` compares its answers with moto's.
"""

import json
import os
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from embedded.network import LOOPBACK
from embedded.processes import Command, supervisor

PARTITION, SORT = "conversation_uuid", "message_key"
# DynamoDB Developer Guide, "Quotas": an item, a page of a Query, a BatchWriteItem.
LARGEST_ITEM = 409_600
LARGEST_PAGE = 1_048_576
LARGEST_BATCH = 25
_QUERY_FIELDS = {
    *("TableName", "ConsistentRead", "KeyConditionExpression", "ExpressionAttributeValues"),
    *("ExclusiveStartKey", "ScanIndexForward", "Limit", "ProjectionExpression"),
}
_ADDRESS = re.compile(r"^http://\S+$", re.MULTILINE)

Item = dict[str, Any]


class Refused(Exception):
    """An error of DynamoDB: its code and its text."""


class Tables:
    """All items, by table, partition and sort key. Not safe for threads."""

    def __init__(self) -> None:
        self._tables: dict[str, dict[str, dict[str, Item]]] = {}

    def answer(self, action: str, request: dict[str, Any]) -> dict[str, Any]:
        """What DynamoDB answers. Raises Refused."""
        match action:
            case "CreateTable":
                self._tables[request["TableName"]] = {}
                return {"TableDescription": _description(request)}
            case "DescribeTable":
                self._table(request)
                return {"Table": _description(request)}
            case "DescribeTimeToLive":
                return {"TimeToLiveDescription": {"TimeToLiveStatus": "ENABLED"}}
            case "PutItem":
                return self._put(request)
            case "GetItem":
                item = self._partition(request, request["Key"]).get(request["Key"][SORT]["S"])
                return {"Item": _projected(item, request)} if item else {}
            case "BatchWriteItem":
                return self._write_batch(request)
            case "Query":
                return self._query(request)
        raise Refused("UnknownOperationException", action)

    def _put(self, request: dict[str, Any]) -> dict[str, Any]:
        condition = request.get("ConditionExpression")
        if condition not in (None, f"attribute_not_exists({SORT})"):
            raise Refused("ValidationException", "an unknown condition")
        item = _of_allowed_size(request["Item"])
        partition = self._partition(request, item)
        if condition and item[SORT]["S"] in partition:
            raise Refused("ConditionalCheckFailedException", "The conditional request failed")
        partition[item[SORT]["S"]] = item
        return {}

    def _write_batch(self, request: dict[str, Any]) -> dict[str, Any]:
        ((table, writes),) = request["RequestItems"].items()
        changes = [
            (write["PutRequest"]["Item"], _of_allowed_size(write["PutRequest"]["Item"]))
            if "PutRequest" in write
            else (write["DeleteRequest"]["Key"], None)
            for write in writes
        ]
        keys = {(key[PARTITION]["S"], key[SORT]["S"]) for key, _ in changes}
        if not 1 <= len(changes) <= LARGEST_BATCH or len(keys) < len(changes):
            raise Refused("ValidationException", "1 to 25 requests, each for another item")
        for key, item in changes:
            partition = self._partition({"TableName": table}, key)
            if item is None:
                partition.pop(key[SORT]["S"], None)
            else:
                partition[key[SORT]["S"]] = item
        return {"UnprocessedItems": {}}

    def _query(self, request: dict[str, Any]) -> dict[str, Any]:
        condition = re.fullmatch(rf"{PARTITION} = (:\w+)", request["KeyConditionExpression"])
        if condition is None or not request.keys() <= _QUERY_FIELDS:
            raise Refused("ValidationException", "a query that the store does not make")
        partition = self._partition(
            request, {PARTITION: request["ExpressionAttributeValues"][condition[1]]}
        )
        forward = request.get("ScanIndexForward", True)
        keys = sorted(partition, reverse=not forward)
        if start := request.get("ExclusiveStartKey"):
            last = start[SORT]["S"]
            keys = [key for key in keys if (key > last if forward else key < last)]
        page: list[Item] = []
        size = 0
        for key in keys:
            if len(page) == request.get("Limit") or size >= LARGEST_PAGE:
                break
            page.append(partition[key])
            size += _size(partition[key])
        answer = {"Items": [_projected(item, request) for item in page], "Count": len(page)}
        # As DynamoDB does, a page that a bound has ended says so even if nothing follows.
        if page and (len(page) == request.get("Limit") or size >= LARGEST_PAGE):
            answer["LastEvaluatedKey"] = {name: page[-1][name] for name in (PARTITION, SORT)}
        return answer

    def _table(self, request: dict[str, Any]) -> dict[str, dict[str, Item]]:
        if request["TableName"] not in self._tables:
            raise Refused("ResourceNotFoundException", "Requested resource not found")
        return self._tables[request["TableName"]]

    def _partition(self, request: dict[str, Any], key: Item) -> dict[str, Item]:
        return self._table(request).setdefault(key[PARTITION]["S"], {})


def _description(request: dict[str, Any]) -> dict[str, Any]:
    return {"TableName": request["TableName"], "TableStatus": "ACTIVE"}


def _of_allowed_size(item: Item) -> Item:
    if _size(item) > LARGEST_ITEM:
        raise Refused("ValidationException", "Item size has exceeded the maximum allowed size")
    return item


def _size(item: Item) -> int:
    """Names and values, binary ones without their base64 (DynamoDB, "Item sizes and formats")."""
    return sum(
        len(name.encode()) + (len(text) * 3 // 4 if kind == "B" else len(text.encode()))
        for name, value in item.items()
        for kind, text in value.items()
    )


def _projected(item: Item, request: dict[str, Any]) -> Item:
    name = request.get("ProjectionExpression")
    return {name: item[name]} if name else item


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # One write for each answer, sent at once.
    wbufsize = -1
    disable_nagle_algorithm = True
    tables = Tables()
    lock = threading.Lock()

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        action = self.headers["X-Amz-Target"].rpartition(".")[2]
        try:
            with self.lock:
                answer, status = self.tables.answer(action, request), 200
        except Refused as refused:
            code, text = refused.args
            answer, status = {"__type": f"com.amazonaws.dynamodb#{code}", "message": text}, 400
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        """Nothing: what contacts wrote stays out of logs."""


@contextmanager
def running_fake_dynamodb() -> Iterator[str]:
    """Its address, as long as the block runs. Raises ProcessError if it does not start."""
    with supervisor() as processes:
        process = processes.start(
            command=Command(
                name="fake_dynamodb",
                arguments=[sys.executable, "-m", "tests.support.fake_dynamodb"],
                environment=os.environ,
                working_directory=Path(__file__).resolve().parents[2],
            ),
            log=processes.temporary_directory() / "fake_dynamodb.log",
        )
        process.wait_until_ready(
            is_ready=lambda: _ADDRESS.search(process.log_text()) is not None, timeout_seconds=30
        )
        address = _ADDRESS.search(process.log_text())
        if address is None:
            raise process.error("did not tell its address")
        yield address[0]


def main() -> None:
    """Serves until it is killed."""
    server = ThreadingHTTPServer((LOOPBACK, 0), _Handler)
    sys.stdout.write(f"http://{LOOPBACK}:{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
