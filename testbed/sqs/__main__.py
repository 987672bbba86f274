"""`python -m testbed.sqs` runs the server, by default on a free port of 127.0.0.1."""

import argparse
import asyncio

from testbed.server.http import LOOPBACK
from testbed.server.server import serve
from testbed.sqs.polls import MAX_POLL_SECONDS
from testbed.sqs.server import Sqs


def main() -> None:
    """Run the server with the options of the command line."""
    parser = argparse.ArgumentParser(prog="python -m testbed.sqs")
    parser.add_argument("--host", default=LOOPBACK, help="the address on which SQS listens")
    parser.add_argument("--port", type=int, default=0, help="SQS's port; 0 for a free one")
    parser.add_argument(
        "--greedy", action="store_true", help="fill a batch from one group before the next"
    )
    parser.add_argument(
        "--max-poll-seconds",
        type=float,
        default=MAX_POLL_SECONDS,
        help="seconds after which a long poll ends, even if it asks for more",
    )
    parser.add_argument(
        "--control",
        action="store_true",
        help="serve the control interface on a free port of 127.0.0.1, and log all calls for it",
    )
    options = parser.parse_args()
    server = Sqs(
        greedy=options.greedy,
        max_poll_seconds=options.max_poll_seconds,
        host=options.host,
        has_control=options.control,
    )
    asyncio.run(serve(server, port=options.port))


if __name__ == "__main__":
    main()
