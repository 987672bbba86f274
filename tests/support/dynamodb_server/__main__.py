"""`python -m tests.support.dynamodb_server` runs the server until SIGTERM or Ctrl-C.

Once it listens, it writes one line: DynamoDB's address, a space, and the control interface's.
"""

import asyncio
import signal
import sys

from tests.support.dynamodb_server.server import Server


async def _run() -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    server = Server()
    try:
        sys.stdout.write(" ".join(await server.start()) + "\n")
        sys.stdout.flush()
        await stopped.wait()
    finally:
        await server.close()


if __name__ == "__main__":
    asyncio.run(_run())
