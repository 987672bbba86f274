"""HTTP requests on a kombu Hub, each with a time limit."""

from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import responses
from io import BytesIO
from math import inf
from time import monotonic
from typing import Any

import pycurl
from kombu.utils.eventio import ERR, READ, WRITE

# Requests beyond this number wait for a connection. That wait counts toward a request's time limit.
MAX_CONNECTIONS = 10
CONNECT_SECONDS = 5.0
# A request fails if its peer stays silent for this long after the end of the requested wait.
# libcurl averages the speed, so it may notice the silence up to five seconds later.
MAX_SILENT_SECONDS = 3
# A response may contain ten messages of one megabyte each.
MAX_TRANSFER_SECONDS = 30.0
# One repeated timer checks libcurl's timeouts, at this interval in seconds.
_SWEEP_EVERY = 1.0
# libcurl's default for how long an idle connection may be reused, in seconds.
_MAX_IDLE_SECONDS = 118
_FLAGS = {
    pycurl.POLL_IN: READ | ERR,
    pycurl.POLL_OUT: WRITE,
    pycurl.POLL_INOUT: READ | WRITE | ERR,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """What libcurl signs a request with (AWS Signature Version 4)."""

    service: str
    region: str
    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A POST request. The server may wait up to `wait_seconds` before it responds."""

    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    signature: Signature
    wait_seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """A response, or an `error` if none arrived. A failed request may have taken effect."""

    status: int = 0
    body: bytes = b""
    error: str = ""

    @property
    def reason(self) -> str:
        """Return the standard phrase of the status, or the error."""
        return self.error or responses.get(self.status, "")


OnResponse = Callable[[Response], None]


class _Transfer:
    """A libcurl easy handle that is reused for consecutive requests."""

    def __init__(self, *, ca_bundle: str) -> None:
        self.handle = pycurl.Curl()
        self.handle.setopt(pycurl.NOSIGNAL, 1)
        self.handle.setopt(pycurl.CONNECTTIMEOUT_MS, int(CONNECT_SECONDS * 1000))
        # With HTTP/2, all requests would share one connection and fail together with it.
        self.handle.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1)
        self.handle.setopt(pycurl.TCP_KEEPALIVE, 1)
        self.handle.setopt(pycurl.LOW_SPEED_LIMIT, 1)
        self.handle.setopt(pycurl.CAINFO, ca_bundle)
        self._buffer = BytesIO()

    def prepare(self, request: Request, *, max_idle: int, max_seconds: float) -> None:
        """Set the request. Do not reuse a connection that was idle for over `max_idle` seconds."""
        handle = self.handle
        self._buffer = BytesIO()
        handle.setopt(pycurl.URL, request.url)
        headers = [f"{name}: {value}" for name, value in request.headers.items()]
        handle.setopt(pycurl.HTTPHEADER, ["Expect:", *headers])
        signature = request.signature
        handle.setopt(pycurl.AWS_SIGV4, f"aws:amz:{signature.region}:{signature.service}")
        handle.setopt(pycurl.USERNAME, signature.access_key)
        handle.setopt(pycurl.PASSWORD, signature.secret_key)
        handle.setopt(pycurl.POSTFIELDS, request.body)
        handle.setopt(pycurl.WRITEFUNCTION, self._buffer.write)
        handle.setopt(pycurl.MAXAGE_CONN, max_idle)
        handle.setopt(pycurl.LOW_SPEED_TIME, int(request.wait_seconds) + MAX_SILENT_SECONDS)
        handle.setopt(pycurl.TIMEOUT_MS, max(1, int(max_seconds * 1000)))

    def response(self) -> Response:
        """Return the received response."""
        status = self.handle.getinfo(pycurl.RESPONSE_CODE)
        return Response(status=status, body=self._buffer.getvalue())


class HttpClient:
    """Sends requests on `hub` without blocking, or one at a time with `send_and_wait`.

    libcurl enforces the time limit of each request. Requests do not add timers to the hub, because
    the hub runs only a few timers in each turn.
    """

    def __init__(self, *, hub: Any, ca_bundle: str) -> None:
        self._hub = hub
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._watch)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._note_due)
        self._free = [_Transfer(ca_bundle=ca_bundle) for _ in range(MAX_CONNECTIONS)]
        self._running: dict[pycurl.Curl, tuple[_Transfer, OnResponse]] = {}
        self._waiting: deque[tuple[Request, OnResponse, float]] = deque()
        self._blocking = _Transfer(ca_bundle=ca_bundle)
        self._watched: set[int] = set()
        self._due_at = inf
        self._failed_at = -inf
        self._is_turning = False
        self._sweeper = hub.call_repeatedly(_SWEEP_EVERY, self._sweep) if hub else None

    def send(self, request: Request, *, on_response: OnResponse) -> None:
        """Send a request. The hub calls `on_response` once."""
        give_up_at = monotonic() + request.wait_seconds + MAX_TRANSFER_SECONDS
        self._waiting.append((request, on_response, give_up_at))
        self._turn()

    def send_and_wait(self, request: Request, *, max_seconds: float) -> Response:
        """Send a request and return its response within `max_seconds`."""
        transfer = self._blocking
        transfer.prepare(request, max_idle=self._max_idle(), max_seconds=max_seconds)
        try:
            transfer.handle.perform()
        except pycurl.error as error:
            self._failed_at = monotonic()
            return Response(error=str(error.args[1]))
        return transfer.response()

    def close(self) -> None:
        """Abandon the open requests without calling their callbacks."""
        if self._sweeper:
            self._sweeper.cancel()
        for handle in self._running:
            self._multi.remove_handle(handle)
        self._running.clear()
        self._waiting.clear()
        for fd in self._watched:
            self._hub.remove(fd)
        self._watched.clear()
        self._multi.close()

    def _turn(self, fd: int = pycurl.SOCKET_TIMEOUT) -> None:
        """Let libcurl process one socket or its timeouts, and then the timeouts that are due."""
        if self._is_turning:
            # A callback has sent another request. The running `_turn` will process that request.
            return
        self._is_turning = True
        try:
            self._act(fd)
            while self._due_at <= monotonic():
                self._due_at = inf
                self._act(pycurl.SOCKET_TIMEOUT)
        finally:
            self._is_turning = False

    def _act(self, fd: int) -> None:
        self._start_waiting()
        with suppress(pycurl.error):
            self._multi.socket_action(fd, 0)
        self._finish_ended()
        self._start_waiting()

    def _sweep(self) -> None:
        if self._running:
            self._turn()

    def _start_waiting(self) -> None:
        while self._waiting and self._free:
            request, on_response, give_up_at = self._waiting.popleft()
            transfer = self._free[-1]
            transfer.prepare(
                request, max_idle=self._max_idle(), max_seconds=give_up_at - monotonic()
            )
            self._free.pop()
            self._running[transfer.handle] = transfer, on_response
            # libcurl then calls `_note_due`, so that the next action starts the request.
            self._multi.add_handle(transfer.handle)

    def _finish_ended(self) -> None:
        more = 1
        while more:
            more, ended, failed = self._multi.info_read()
            for handle in ended:
                self._finish(handle, "")
            for handle, _number, message in failed:
                self._failed_at = monotonic()
                self._finish(handle, message)

    def _finish(self, handle: pycurl.Curl, error: str) -> None:
        self._multi.remove_handle(handle)
        transfer, on_response = self._running.pop(handle)
        response = Response(error=error) if error else transfer.response()
        self._free.append(transfer)
        on_response(response)

    def _max_idle(self) -> int:
        """Return the maximum idle time of a connection that may be reused, in whole seconds.

        After a failure, only connections that were used since then are reused. A network fault
        that silently drops one connection has probably dropped all of them.
        """
        return max(1, int(min(_MAX_IDLE_SECONDS, monotonic() - self._failed_at)))

    def _watch(self, event: int, fd: int, _multi: Any, _data: Any) -> None:
        """Watch a socket, or stop watching it, as libcurl requests.

        libcurl closes a socket only after it has requested to stop watching it.
        """
        if fd in self._watched:
            self._watched.discard(fd)
            self._hub.remove(fd)
        if event == pycurl.POLL_REMOVE:
            return
        self._watched.add(fd)
        flags = _FLAGS[event]
        self._hub.add(fd, self._turn, flags, (fd,))
        if event == pycurl.POLL_INOUT:
            # If both directions are requested, the hub registers the callback only as a reader.
            self._hub.writers[fd] = self._hub.readers[fd]

    def _note_due(self, milliseconds: int) -> None:
        self._due_at = inf if milliseconds < 0 else monotonic() + milliseconds / 1000
