"""`python -m tests.support.sqs_server --port 0` runs the server until SIGTERM or Ctrl-C.

Once it listens, it writes one line: SQS's address, a space, and that of the control interface.
"""

import argparse
import asyncio
import signal
import sys

from tests.support.sqs_server.polls import LONGEST_POLL_SECONDS
from tests.support.sqs_server.server import Server


def main() -> None:
    """Runs the server with the options of the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.sqs_server")
    parser.add_argument("--port", type=int, default=0, help="SQS's port; 0 for a free one")
    parser.add_argument(
        "--greedy", action="store_true", help="fill a receive from one group before the next"
    )
    parser.add_argument(
        "--longest-poll",
        type=float,
        default=LONGEST_POLL_SECONDS,
        help="seconds after which a long poll ends, even if it asks for more",
    )
    options = parser.parse_args()
    asyncio.run(_run(port=options.port, greedy=options.greedy, longest_poll=options.longest_poll))


async def _run(*, port: int, greedy: bool, longest_poll: float) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    server = Server(greedy=greedy, longest_poll=longest_poll)
    try:
        sys.stdout.write(" ".join(await server.start(port=port)) + "\n")
        sys.stdout.flush()
        await stopped.wait()
    finally:
        await server.close()


if __name__ == "__main__":
    main()
