"""The control interface: what a test asks of the server itself, as JSON over plain HTTP.

It has a port of its own, so that it still answers while DynamoDB's port refuses connections.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any

from tests.support.dynamodb_server.accounts import Accounts
from tests.support.dynamodb_server.faults import Faults, fault_from_json
from tests.support.dynamodb_server.table import Table
from tests.support.sqs_server.http import HttpListener, HttpRequest, HttpResponse

Fields = Mapping[str, Any]


class ControlInterface:
    """Makes faults, tells of calls, writes and items."""

    def __init__(
        self,
        *,
        tables: Mapping[str, Table],
        accounts: Accounts,
        faults: Faults,
        listener: HttpListener,
    ) -> None:
        self._tables = tables
        self._accounts = accounts
        self._faults = faults
        self._listener = listener
        self._end_of_refusal: asyncio.Task[None] | None = None
        self._routes: Mapping[tuple[str, str], Callable[[Fields], Awaitable[Any]]] = {
            ("POST", "/faults"): self._add_fault,
            ("DELETE", "/faults"): self._clear_faults,
            ("POST", "/connections/refuse"): self._refuse,
            ("GET", "/calls"): self._calls,
            ("DELETE", "/calls"): self._reset_calls,
            ("GET", "/writes"): self._writes,
            ("GET", "/writes/count"): self._count_writes,
            ("GET", "/items"): self._items,
        }

    async def answer(self, request: HttpRequest) -> HttpResponse:
        """The answer to one request: 404 for an unknown one, 400 for one with wrong fields."""
        route = self._routes.get((request.method, request.path))
        if route is None:
            return _response(status=HTTPStatus.NOT_FOUND, content="There is no such request.")
        try:
            content = await route(json.loads(request.body or b"{}"))
        except (ValueError, KeyError, TypeError) as error:
            return _response(status=HTTPStatus.BAD_REQUEST, content=repr(error))
        return _response(status=HTTPStatus.OK, content=content)

    async def _add_fault(self, fields: Fields) -> None:
        self._faults.add(fault_from_json(fields=fields, now=time.monotonic()))

    async def _clear_faults(self, _fields: Fields) -> None:
        self._faults.clear()
        self._forget_end_of_refusal()
        await self._listener.listen()

    async def _refuse(self, fields: Fields) -> None:
        self._forget_end_of_refusal()
        await self._listener.refuse()
        if fields["seconds"] is not None:
            self._end_of_refusal = asyncio.create_task(self._listen_after(fields["seconds"]))

    def _forget_end_of_refusal(self) -> None:
        if self._end_of_refusal is not None:
            self._end_of_refusal.cancel()
            self._end_of_refusal = None

    async def _listen_after(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self._listener.listen()

    async def _calls(self, _fields: Fields) -> dict[str, Any]:
        return self._accounts.as_json()

    async def _reset_calls(self, _fields: Fields) -> None:
        self._accounts.reset()

    async def _writes(self, fields: Fields) -> list[Any]:
        return self._accounts.writes.get(fields["table"], [])

    async def _count_writes(self, fields: Fields) -> int:
        return len(self._accounts.writes.get(fields["table"], ()))

    async def _items(self, fields: Fields) -> list[Any]:
        table = self._tables.get(fields["table"])
        return [item for item, _ in table.scan(after=None)] if table else []


def _response(*, status: HTTPStatus, content: object) -> HttpResponse:
    return HttpResponse(
        status=status.value, body=json.dumps(content).encode(), content_type="application/json"
    )
