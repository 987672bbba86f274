"""The server of the model of SQS."""

import asyncio
import json
import time
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from testbed.server.clock import Clock
from testbed.server.faults import Fault, FaultKind
from testbed.server.http import HttpRequest, HttpResponse
from testbed.server.server import Server
from testbed.sqs.account import Account
from testbed.sqs.calls import CallLog, LoggedCall, LoggedEntry
from testbed.sqs.control import Control
from testbed.sqs.errors import SqsError
from testbed.sqs.polls import LongPolls
from testbed.sqs.protocol import Answer, SqsProtocol
from testbed.sqs.queue_actions import queue_name

_SILENT = frozenset({FaultKind.DROP, FaultKind.HANG})
_KINDS = frozenset(FaultKind) - {FaultKind.DELAY, FaultKind.UNPROCESSED}


class Sqs(Server):
    """The model of SQS. It starts empty and keeps everything in memory.

    Without the control interface it does not log calls. Then it keeps only the messages on the
    queues and the deduplication ids of the last five minutes.
    """

    def __init__(
        self, *, greedy: bool, max_poll_seconds: float, host: str, has_control: bool
    ) -> None:
        self._clock = Clock()
        self._account = Account(greedy=greedy)
        self._polls = LongPolls(clock=self._clock, longest=max_poll_seconds)
        self._log = CallLog() if has_control else None
        self._protocol = SqsProtocol(account=self._account, clock=self._clock, polls=self._polls)
        routes = None
        if self._log is not None:
            control = Control(
                clock=self._clock, account=self._account, polls=self._polls, log=self._log
            )
            routes = control.routes()
        super().__init__(kinds=_KINDS, routes=routes, host=host)

    async def answer(self, http_request: HttpRequest) -> HttpResponse | None:
        """Perform a call of SQS, unless a fault hits it."""
        action = http_request.headers.get("x-amz-target", "").rpartition(".")[2]
        request: Mapping[str, Any] = json.loads(http_request.body or b"{}")
        name = queue_name(request)
        started = self._clock.now()
        fault = self._take_fault(action=action, queue=name)
        # Queue addresses use the host name in the request, so that the caller can reach them.
        base_url = f"http://{http_request.headers['host']}"
        result = "no answer"
        response: HttpResponse | None = None
        entries: Sequence[LoggedEntry] = ()
        if fault is None or fault.kind not in _SILENT:
            try:
                answer = await self._perform(
                    action=action, request=request, base_url=base_url, fault=fault
                )
            except SqsError as error:
                result, response = error.code, _error_response(error)
            else:
                result, response, entries = "ok", _response(body=answer.body), answer.entries
        if self._log is not None:
            self._log.add(
                LoggedCall(
                    time=started,
                    seconds=self._clock.now() - started,
                    action=action,
                    queue=name,
                    result=result,
                    fault=fault.kind if fault else None,
                    entries=entries,
                )
            )
        if fault is not None and fault.kind is FaultKind.HANG:
            await asyncio.sleep(fault.seconds)
        return None if fault is not None and fault.kind is FaultKind.LOSE_ANSWER else response

    async def _perform(
        self, *, action: str, request: Mapping[str, Any], base_url: str, fault: Fault | None
    ) -> Answer:
        kind = fault.kind if fault else None
        injected = _injected_error(fault) if fault else None
        if injected and kind is FaultKind.ERROR:
            raise injected
        return await self._protocol.perform(
            action=action,
            request=request,
            base_url=base_url,
            again=kind is FaultKind.DUPLICATE,
            entry_error=injected if kind is FaultKind.FAIL_ENTRIES else None,
        )

    def _take_fault(self, *, action: str, queue: str | None) -> Fault | None:
        now, in_flight = self._clock.now(), 0
        with suppress(SqsError):
            in_flight = self._account.find(name=queue or "", now=now).counts(now=now).in_flight
        return self.faults.take(
            now=time.monotonic(),
            hits=lambda fault: fault.hits(action=action, has_messages_in_flight=in_flight > 0),
        )


def _injected_error(fault: Fault) -> SqsError:
    return SqsError(code=fault.code, message="An injected fault.", status=fault.status)


def _response(*, body: Mapping[str, Any]) -> HttpResponse:
    return HttpResponse(
        body=json.dumps(body).encode(), headers={"x-amzn-RequestId": str(uuid.uuid4())}
    )


def _error_response(error: SqsError) -> HttpResponse:
    fault = "Sender" if error.is_sender_fault else "Receiver"
    return HttpResponse(
        status=error.status,
        body=json.dumps(
            {"__type": f"com.amazonaws.sqs#{error.code}", "message": error.message}
        ).encode(),
        headers={
            "x-amzn-RequestId": str(uuid.uuid4()),
            "x-amzn-query-error": f"{error.query_code};{fault}",
        },
    )
