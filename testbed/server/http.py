"""A server for the parts of HTTP/1.1 that AWS clients use. It can refuse connections."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus

LOOPBACK = "127.0.0.1"
# Larger than the largest batch as JSON with every character escaped.
_STREAM_LIMIT_BYTES = 16 * 1024 * 1024
_HEAD_END = b"\r\n\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """A request. Header names are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpResponse:
    """An answer with a JSON body."""

    body: bytes
    status: int = HTTPStatus.OK.value
    content_type: str = "application/x-amz-json-1.0"
    headers: Mapping[str, str] = field(default_factory=dict)

    def as_bytes(self) -> bytes:
        """Return the response as it is sent."""
        lines = [
            f"HTTP/1.1 {self.status} {_reason(self.status)}",
            f"Date: {formatdate(usegmt=True)}",
            f"Content-Type: {self.content_type}",
            f"Content-Length: {len(self.body)}",
            *(f"{name}: {value}" for name, value in self.headers.items()),
        ]
        return "\r\n".join(lines).encode() + _HEAD_END + self.body


# Returns an answer, or None to close the connection without an answer.
Handler = Callable[[HttpRequest], Awaitable[HttpResponse | None]]


class HttpListener:
    """Answers requests on a port of `host`. It keeps the port even while it refuses connections."""

    def __init__(self, *, handler: Handler, host: str = LOOPBACK) -> None:
        self._handler = handler
        self._host = host
        self._connections: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        # Bound but not listening, so that the operating system refuses connections.
        self._silent_socket: socket.socket | None = None

    async def start(self, *, port: int) -> int:
        """Start to listen, and return the port. Port 0 stands for a free port."""
        self._silent_socket = self._bound_socket(port)
        bound_port = int(self._silent_socket.getsockname()[1])
        await self.listen()
        return bound_port

    async def listen(self) -> None:
        """Accept connections. Does nothing if the port is listening."""
        if self._silent_socket is None:
            return
        listening, self._silent_socket = self._silent_socket, None
        self._server = await asyncio.start_server(
            self._serve, sock=listening, limit=_STREAM_LIMIT_BYTES
        )

    async def refuse(self) -> None:
        """Close all connections and refuse new ones."""
        if self._server is not None:
            port = self._server.sockets[0].getsockname()[1]
            self._server.close()
            self._server = None
            self._silent_socket = self._bound_socket(port)
        # The first turn of the event loop begins to serve connections that were accepted just now,
        # so that they can be aborted. The second one closes the aborted connections.
        await asyncio.sleep(0)
        for connection in self._connections:
            connection.transport.abort()
        await asyncio.sleep(0)

    async def close(self) -> None:
        """Release the port."""
        await self.refuse()
        if self._silent_socket is not None:
            self._silent_socket.close()

    def _bound_socket(self, port: int) -> socket.socket:
        bound = socket.socket()
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((self._host, port))
        return bound

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.add(writer)
        try:
            # Without this, asyncio would log an error for each connection that is open when the
            # server ends.
            with suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
                while (request := await _read_request(reader, writer)) is not None:
                    response = await self._handler(request)
                    if response is None:
                        break
                    writer.write(response.as_bytes())
                    await writer.drain()
        finally:
            self._connections.discard(writer)
            writer.transport.abort()


async def _read_request(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> HttpRequest | None:
    """Return the next request of a connection; None if the caller has closed it."""
    try:
        head = await reader.readuntil(_HEAD_END)
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    method, path, _ = first.split(" ")
    headers = {
        name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
    }
    if headers.get("expect") == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue" + _HEAD_END)
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return HttpRequest(method=method, path=path, headers=headers, body=body)


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
