"""A service on one port, and its control interface, if it has one, on another of 127.0.0.1."""

import asyncio
import signal
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Generic

from testbed.server.control import ControlInterface, Fields, Routes
from testbed.server.faults import AnyFault, Faults
from testbed.server.http import LOOPBACK, HttpListener, HttpRequest, HttpResponse


class Server(ABC, Generic[AnyFault]):
    """Its addresses are known once it is started. With `routes` None it cannot be controlled."""

    def __init__(
        self,
        *,
        fault_from_json: Callable[[Fields, float], AnyFault],
        routes: Routes | None,
        host: str = LOOPBACK,
    ) -> None:
        self.faults: Faults[AnyFault] = Faults()
        self._host = host
        self._listener = HttpListener(handler=self.answer, host=host)
        self._control: HttpListener | None = None
        if routes is not None:
            control = ControlInterface(
                faults=self.faults,
                fault_from_json=fault_from_json,
                listener=self._listener,
                routes=routes,
            )
            self._control = HttpListener(handler=control.answer)

    @abstractmethod
    async def answer(self, http_request: HttpRequest) -> HttpResponse | None:
        """The service's answer to a request, or None to close the connection without one."""

    async def start(self, *, port: int) -> list[str]:
        """Starts to listen; port 0 is a free one. Returns the addresses that `serve` writes."""
        addresses = [f"http://{self._host}:{await self._listener.start(port=port)}"]
        if self._control is not None:
            addresses.append(f"http://{LOOPBACK}:{await self._control.start(port=0)}")
        return addresses

    async def close(self) -> None:
        """Gives the ports back."""
        await self._listener.close()
        if self._control is not None:
            await self._control.close()


async def serve(server: Server[AnyFault], *, port: int = 0) -> None:
    """Runs it until SIGTERM or Ctrl-C.

    Once it listens, it writes one line: its address and, after a space, the control interface's.
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
