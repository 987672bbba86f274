"""The server of the model of SQS."""

import asyncio
import json
import time
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    """The outcome of a call. Without a response, the connection is closed."""

    result: str
    response: HttpResponse | None = None
    entries: Sequence[LoggedEntry] = ()


_KINDS = frozenset(FaultKind) - {FaultKind.DELAY, FaultKind.UNPROCESSED}


class Sqs(Server):
    """The model of SQS. It starts empty and keeps everything in memory.

    Without the control interface it does not log calls, so that memory has only the messages on the
    queues and the deduplication ids of five minutes.
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
        has_messages_in_flight = self._has_messages_in_flight(name)
        fault = self.faults.take(
            now=time.monotonic(),
            hits=lambda fault: fault.hits(
                action=action, has_messages_in_flight=has_messages_in_flight
            ),
        )
        # The caller's own name of this server, so that it can reach the queues by their addresses.
        base_url = f"http://{http_request.headers['host']}"
        outcome = await self._outcome(
            action=action, request=request, base_url=base_url, fault=fault
        )
        if self._log is not None:
            self._log.add(
                LoggedCall(
                    time=started,
                    seconds=self._clock.now() - started,
                    action=action,
                    queue=name,
                    result=outcome.result,
                    fault=fault.kind if fault else None,
                    entries=outcome.entries,
                )
            )
        if fault is not None and fault.kind is FaultKind.HANG:
            await asyncio.sleep(fault.seconds)
        return outcome.response

    async def _outcome(
        self, *, action: str, request: Mapping[str, Any], base_url: str, fault: Fault | None
    ) -> _Outcome:
        kind = fault.kind if fault else None
        if kind in (FaultKind.DROP, FaultKind.HANG):
            return _Outcome(result="no answer")
        try:
            answer = await self._perform(
                action=action, request=request, base_url=base_url, fault=fault
            )
        except SqsError as error:
            outcome = _Outcome(result=error.code, response=_error_response(error))
        else:
            outcome = _Outcome(
                result="ok", response=_response(body=answer.body), entries=answer.entries
            )
        return replace(outcome, response=None) if kind is FaultKind.LOSE_ANSWER else outcome

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

    def _has_messages_in_flight(self, name: str | None) -> bool:
        now = self._clock.now()
        with suppress(SqsError):
            return self._account.find(name=name or "", now=now).counts(now=now).in_flight > 0
        return False


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
