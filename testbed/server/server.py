"""A service on one port, and optionally its control interface on another port of 127.0.0.1."""

import asyncio
import signal
import sys
from abc import ABC, abstractmethod
from collections.abc import Collection

from testbed.server.control import ControlInterface, Routes
from testbed.server.faults import FaultKind, Faults
from testbed.server.http import LOOPBACK, HttpListener, HttpRequest, HttpResponse


class Server(ABC):
    """A service with faults of these kinds. With `routes` None, it has no control interface."""

    def __init__(
        self,
        *,
        kinds: Collection[FaultKind],
        routes: Routes | None,
        host: str = LOOPBACK,
    ) -> None:
        self.faults = Faults()
        self._host = host
        self._listener = HttpListener(handler=self.answer, host=host)
        self._control: HttpListener | None = None
        if routes is not None:
            control = ControlInterface(
                faults=self.faults,
                kinds=kinds,
                listener=self._listener,
                routes=routes,
            )
            self._control = HttpListener(handler=control.answer)

    @abstractmethod
    async def answer(self, http_request: HttpRequest) -> HttpResponse | None:
        """Return the answer to a request, or None to close the connection without an answer."""

    async def start(self, *, port: int) -> list[str]:
        """Start to listen, and return the addresses. Port 0 stands for a free port."""
        addresses = [f"http://{self._host}:{await self._listener.start(port=port)}"]
        if self._control is not None:
            addresses.append(f"http://{LOOPBACK}:{await self._control.start(port=0)}")
        return addresses

    async def close(self) -> None:
        """Release the ports."""
        await self._listener.close()
        if self._control is not None:
            await self._control.close()


async def serve(server: Server, *, port: int = 0) -> None:
    """Run a server until SIGTERM or Ctrl-C.

    When it listens, it writes a line with its address and, after a space, that of its control
    interface.
    """
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    try:
        sys.stdout.write(" ".join(await server.start(port=port)) + "\n")
        sys.stdout.flush()
        await stopped.wait()
    finally:
        await server.close()
