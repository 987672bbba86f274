"""A TCP proxy that runs in a thread of the calling process."""

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

from embedded.network import LOOPBACK, at_port

_CHUNK_BYTES = 65_536
_CALL_SECONDS = 5.0


@dataclass(eq=False, slots=True)
class _Connection:
    """A connection through the proxy. It stays open when its traffic is discarded."""

    task: asyncio.Task[Any] | None
    loses_requests: bool
    loses_answers: bool


class SwallowingProxy:
    """Forwards connections to `host`:`port`, and discards their traffic on request.

    A lost connection stays open, but transfers no data even after the fault has ended.
    """

    def __init__(self, *, host: str, port: int, loop: asyncio.AbstractEventLoop) -> None:
        self._host = host
        self._upstream_port = port
        self._loop = loop
        self._connections: set[_Connection] = set()
        self._server: asyncio.Server | None = None
        self._is_swallowing = False
        self.port = 0

    def lose_connections(self) -> None:
        """Discard the traffic of the open connections. New connections work."""
        self._call(self._lose(requests=True))

    def lose_answers(self) -> None:
        """Discard the responses on the open connections. Their requests still arrive."""
        self._call(self._lose(requests=False))

    def swallow(self) -> None:
        """Discard the traffic of all open connections, and of new ones until `pass_on`."""
        self._is_swallowing = True
        self.lose_connections()

    def pass_on(self) -> None:
        """Let new connections work again."""
        self._is_swallowing = False

    def url(self, upstream: str) -> str:
        """Return the upstream URL with the address of this proxy."""
        return at_port(self.port, url=upstream)

    async def serve(self, *, port: int = 0) -> None:
        """Accept connections on a port; 0 stands for a free one."""
        self._server = await asyncio.start_server(self._forward, LOOPBACK, port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """End all connections."""
        if self._server is not None:
            self._server.close()
        forwarding = [one.task for one in self._connections if one.task is not None]
        for task in forwarding:
            task.cancel()
        await asyncio.gather(*forwarding, return_exceptions=True)

    def _call(self, coroutine: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(_CALL_SECONDS)

    async def _lose(self, *, requests: bool) -> None:
        for connection in self._connections:
            connection.loses_requests = connection.loses_requests or requests
            connection.loses_answers = True

    async def _forward(
        self, client_reader: asyncio.StreamReader, client_writer: asyncio.StreamWriter
    ) -> None:
        is_lost = self._is_swallowing
        connection = _Connection(asyncio.current_task(), is_lost, is_lost)
        self._connections.add(connection)
        writers = [client_writer]
        try:
            reader, writer = await asyncio.open_connection(self._host, self._upstream_port)
            writers.append(writer)
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pump(client_reader, writer, connection, "loses_requests"))
                both.create_task(self._pump(reader, client_writer, connection, "loses_answers"))
        except asyncio.CancelledError:
            # Only `close` cancels the task. Without this, asyncio would log an error.
            return
        except ConnectionError:
            # The server refuses the connection, so the client's connection is closed.
            return
        finally:
            self._connections.discard(connection)
            for one in writers:
                one.close()

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        connection: _Connection,
        is_lost: str,
    ) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(_CHUNK_BYTES):
                if not getattr(connection, is_lost):
                    writer.write(data)
                    await writer.drain()
        if not getattr(connection, is_lost):
            writer.close()


@contextmanager
def running_proxy(*, url: str, port: int = 0) -> Iterator[SwallowingProxy]:
    """Run a proxy to the server at `url`, on a port of 127.0.0.1; 0 stands for a free one.

    Raises ValueError if the URL has no host or port, and OSError if the port is taken.
    """
    parts = urlsplit(url)
    if parts.hostname is None or parts.port is None:
        raise ValueError(f"the URL needs a host and a port: {url}")
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever, name="proxy", daemon=True)
    thread.start()
    proxy = SwallowingProxy(host=parts.hostname, port=parts.port, loop=loop)
    try:
        asyncio.run_coroutine_threadsafe(proxy.serve(port=port), loop).result(_CALL_SECONDS)
        yield proxy
    finally:
        asyncio.run_coroutine_threadsafe(proxy.close(), loop).result(_CALL_SECONDS)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
