"""The control interface: what a test asks of the server itself, as JSON over plain HTTP.

It has a port of its own, so that it still answers while SQS's port refuses connections.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any

from tests.support.sqs_server.account import Account
from tests.support.sqs_server.calls import CallLog
from tests.support.sqs_server.clock import Clock
from tests.support.sqs_server.errors import SqsError
from tests.support.sqs_server.faults import Faults, fault_from_json
from tests.support.sqs_server.http import HttpListener, HttpRequest, HttpResponse
from tests.support.sqs_server.polls import LongPolls

Fields = Mapping[str, Any]


class ControlInterface:
    """Moves the clock, makes faults, tells of calls."""

    def __init__(
        self,
        *,
        clock: Clock,
        account: Account,
        polls: LongPolls,
        faults: Faults,
        log: CallLog,
        sqs: HttpListener,
    ) -> None:
        self._clock = clock
        self._account = account
        self._polls = polls
        self._faults = faults
        self._log = log
        self._sqs = sqs
        self._end_of_refusal: asyncio.Task[None] | None = None
        self._routes: Mapping[tuple[str, str], Callable[[Fields], Awaitable[Any]]] = {
            ("POST", "/clock/advance"): self._advance,
            ("POST", "/faults"): self._add_fault,
            ("DELETE", "/faults"): self._clear_faults,
            ("POST", "/connections/refuse"): self._refuse,
            ("POST", "/leases/expire"): self._expire_leases,
            ("POST", "/queues/vanish"): self._vanish,
            ("POST", "/queues/restore"): self._restore,
            ("GET", "/calls"): self._calls,
            ("GET", "/calls/counts"): self._counts,
            ("DELETE", "/calls"): self._reset_calls,
        }

    async def answer(self, request: HttpRequest) -> HttpResponse:
        """The answer to one request: 404 for an unknown one, 400 for one with wrong fields."""
        route = self._routes.get((request.method, request.path))
        if route is None:
            return _response(status=HTTPStatus.NOT_FOUND, content="There is no such request.")
        try:
            content = await route(json.loads(request.body or b"{}"))
        except (SqsError, ValueError, KeyError, TypeError) as error:
            return _response(status=HTTPStatus.BAD_REQUEST, content=repr(error))
        return _response(status=HTTPStatus.OK, content=content)

    async def _advance(self, fields: Fields) -> None:
        self._clock.advance(seconds=fields["seconds"])
        for queue in self._account.queues():
            self._polls.wake(queue)

    async def _add_fault(self, fields: Fields) -> None:
        self._faults.add(fault_from_json(fields=fields, now=time.monotonic()))

    async def _clear_faults(self, _fields: Fields) -> None:
        self._faults.clear()
        self._forget_end_of_refusal()
        await self._sqs.listen()

    async def _refuse(self, fields: Fields) -> None:
        self._forget_end_of_refusal()
        await self._sqs.refuse()
        if fields["seconds"] is not None:
            self._end_of_refusal = asyncio.create_task(self._listen_after(fields["seconds"]))

    def _forget_end_of_refusal(self) -> None:
        if self._end_of_refusal is not None:
            self._end_of_refusal.cancel()
            self._end_of_refusal = None

    async def _listen_after(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self._sqs.listen()

    async def _expire_leases(self, fields: Fields) -> int:
        now = self._clock.now()
        queue = self._account.find(name=fields["queue"], now=now)
        expired = queue.expire_leases(now=now)
        self._polls.wake(queue)
        return expired

    async def _vanish(self, fields: Fields) -> None:
        now = self._clock.now()
        queue = self._account.find(name=fields["queue"], now=now)
        seconds = fields["seconds"]
        self._account.hide(
            name=queue.name, until=float("inf") if seconds is None else now + seconds
        )
        self._polls.wake_all(queue)

    async def _restore(self, fields: Fields) -> None:
        self._account.hide(name=fields["queue"], until=self._clock.now())

    async def _calls(self, fields: Fields) -> list[dict[str, Any]]:
        return self._log.as_json(action=fields["action"])

    async def _counts(self, _fields: Fields) -> dict[str, int]:
        return self._log.counts()

    async def _reset_calls(self, _fields: Fields) -> None:
        self._log.reset()


def _response(*, status: HTTPStatus, content: object) -> HttpResponse:
    return HttpResponse(
        status=status.value, body=json.dumps(content).encode(), content_type="application/json"
    )
