"""The HTTP server that imitates DynamoDB."""

import asyncio
import json
import time
from typing import Any

from testbed.dynamodb.accounts import Accounts
from testbed.dynamodb.actions import Actions
from testbed.dynamodb.control import Control
from testbed.dynamodb.items import Refused
from testbed.server.clock import Clock
from testbed.server.faults import Fault, FaultKind
from testbed.server.http import HttpRequest, HttpResponse
from testbed.server.server import Server

_SILENT = frozenset({FaultKind.DROP, FaultKind.HANG})
_KINDS = frozenset(FaultKind) - {FaultKind.FAIL_ENTRIES, FaultKind.DUPLICATE}


class DynamoDb(Server):
    """The model of DynamoDB. It starts empty and keeps everything in memory."""

    def __init__(self) -> None:
        self._accounts = Accounts()
        self._actions = Actions(accounts=self._accounts, clock=Clock().now)
        control = Control(tables=self._actions.tables, accounts=self._accounts)
        super().__init__(kinds=_KINDS, routes=control.routes())

    async def answer(self, http_request: HttpRequest) -> HttpResponse | None:
        """Answer a DynamoDB call. A fault can refuse it, drop it, delay it or lose its answer."""
        action = http_request.headers.get("x-amz-target", "").rpartition(".")[2]
        request: dict[str, Any] = json.loads(http_request.body or b"{}")
        fault = self.faults.take(now=time.monotonic(), hits=lambda fault: fault.hits(action=action))
        usage = self._accounts.usage[_table_of(request)][action]
        usage.calls += 1
        response = None
        if fault is None or fault.kind not in _SILENT:
            try:
                response = _response(self._perform(action, request, fault))
            except Refused as refused:
                usage.failed += 1
                response = _error(refused)
        else:
            usage.failed += 1
        if fault is not None and fault.kind in (FaultKind.HANG, FaultKind.DELAY):
            await asyncio.sleep(fault.seconds)
        return None if fault is not None and fault.kind is FaultKind.LOSE_ANSWER else response

    def _perform(self, action: str, request: dict[str, Any], fault: Fault | None) -> dict[str, Any]:
        if fault is None:
            return self._actions.answer(action, request)
        if fault.kind is FaultKind.ERROR:
            raise Refused(fault.code, "An injected fault.", status=fault.status)
        return self._actions.answer(action, request, leaves_out=fault.leaves_out)


def _table_of(request: dict[str, Any]) -> str:
    """Return the name of the table. Each batch request of the service names only one."""
    name: str = request.get("TableName") or next(iter(request.get("RequestItems", ())), "")
    return name


def _response(answer: dict[str, Any]) -> HttpResponse:
    return HttpResponse(body=json.dumps(answer).encode())


def _error(refused: Refused) -> HttpResponse:
    content = {
        "__type": f"com.amazonaws.dynamodb.v20120810#{refused.code}",
        "message": refused.message,
    }
    return HttpResponse(status=refused.status, body=json.dumps(content).encode())
