"""A service on one port of 127.0.0.1, its control interface on another."""

import asyncio
import signal
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Generic

from embedded.network import LOOPBACK
from testbed.server.control import ControlInterface, Fields, Routes
from testbed.server.faults import AnyFault, Faults
from testbed.server.http import HttpListener, HttpRequest, HttpResponse


class Server(ABC, Generic[AnyFault]):
    """Its addresses are known once it is started."""

    def __init__(
        self, *, fault_from_json: Callable[[Fields, float], AnyFault], routes: Routes
    ) -> None:
        self.faults: Faults[AnyFault] = Faults()
        self._listener = HttpListener(handler=self.answer)
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

    async def start(self, *, port: int) -> tuple[str, str]:
        """Starts to listen; port 0 is a free one. Gives the service's address and the control's."""
        url = f"http://{LOOPBACK}:{await self._listener.start(port=port)}"
        return url, f"http://{LOOPBACK}:{await self._control.start(port=0)}"

    async def close(self) -> None:
        """Gives the ports back."""
        await self._listener.close()
        await self._control.close()


async def serve(server: Server[AnyFault], *, port: int = 0) -> None:
    """Runs it until SIGTERM or Ctrl-C.

    Once it listens, it writes one line: its address, a space, and the control interface's.
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
