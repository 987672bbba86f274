"""The control interface, with which tests control the server: JSON over plain HTTP.

It has its own port, so that it answers even while the other port refuses connections.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from http import HTTPStatus
from typing import Any

from testbed.server.errors import ServiceError
from testbed.server.faults import FaultKind, Faults, fault_from_json
from testbed.server.http import HttpListener, HttpRequest, HttpResponse

Fields = Mapping[str, Any]
Routes = Mapping[tuple[str, str], Callable[[Fields], Awaitable[Any]]]


class ControlInterface:
    """Adds and clears faults of the given kinds, and serves the routes of the server."""

    def __init__(
        self,
        *,
        faults: Faults,
        kinds: Collection[FaultKind],
        listener: HttpListener,
        routes: Routes,
    ) -> None:
        self._faults = faults
        self._kinds = kinds
        self._listener = listener
        self._end_of_refusal: asyncio.Task[None] | None = None
        self._routes: Routes = {
            ("POST", "/faults"): self._add_fault,
            ("DELETE", "/faults"): self._clear_faults,
            ("POST", "/connections/refuse"): self._refuse,
            **routes,
        }

    async def answer(self, request: HttpRequest) -> HttpResponse:
        """Return the answer to a request: 404 if it is unknown, 400 if its fields are wrong."""
        route = self._routes.get((request.method, request.path))
        if route is None:
            return _response(status=HTTPStatus.NOT_FOUND, content="There is no such request.")
        try:
            content = await route(json.loads(request.body or b"{}"))
        except (ServiceError, ValueError, KeyError, TypeError) as error:
            return _response(status=HTTPStatus.BAD_REQUEST, content=repr(error))
        return _response(status=HTTPStatus.OK, content=content)

    async def _add_fault(self, fields: Fields) -> None:
        self._faults.add(fault_from_json(fields, kinds=self._kinds, now=time.monotonic()))

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


def _response(*, status: HTTPStatus, content: object) -> HttpResponse:
    return HttpResponse(
        status=status.value, body=json.dumps(content).encode(), content_type="application/json"
    )
