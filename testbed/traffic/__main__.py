"""`python -m testbed.traffic RATE`: endless traffic for a running service.

RATE is in events per second. The settings come from the environment, as those of the service. The
traffic waits while SQS or the worker is down, and continues afterwards.
"""

import os
import secrets
import sys
import time
from datetime import UTC, datetime, timedelta
from itertools import islice

import boto3
from botocore.config import Config

from embedded.processes import sigterm_as_exit
from testbed.traffic.day import chats
from testbed.traffic.projects import insert_projects
from testbed.traffic.sending import EventQueue

MAX_RATE = 200
# The maximal backlog of the worker.
_MAX_BACKLOG = 90
_CONTACTS = 1_000
_RETRY_SECONDS = 1.0
# A call is given up quickly, because it is repeated until it succeeds.
_CONFIG = Config(connect_timeout=2, read_timeout=10, retries={"total_max_attempts": 1})
_SEEDS = 2**32


def main() -> int:
    """Return 0 after Ctrl-C or SIGTERM, 2 if RATE is not a whole number from 1 to MAX_RATE."""
    rate = _rate(sys.argv[1:])
    if rate is None:
        sys.stderr.write(f"RATE must be a whole number of events a second from 1 to {MAX_RATE}.\n")
        return 2
    try:
        with sigterm_as_exit():
            _publish(rate=rate)
    except (KeyboardInterrupt, SystemExit):
        return 0
    return 0


def _rate(arguments: list[str]) -> int | None:
    text = arguments[0] if len(arguments) == 1 else ""
    is_number = text.isascii() and text.isdigit() and 1 <= int(text) <= MAX_RATE
    return int(text) if is_number else None


def _publish(*, rate: int) -> None:
    """Send events at this rate, and fewer while the worker has a large backlog."""
    queue = EventQueue(
        sqs=boto3.client("sqs", region_name=os.environ["SQS_CONVERSATION_REGION"], config=_CONFIG),
        url=os.environ["SQS_CONVERSATION_QUEUE_URL"],
        retry_seconds=_RETRY_SECONDS,
    )
    start = datetime.now(UTC)
    projects, stream = chats(
        seed=secrets.randbelow(_SEEDS), start=start, rate=rate, contacts=_CONTACTS
    )
    insert_projects(
        database_url=os.environ["DATABASE_URL"],
        closings=dict.fromkeys(projects, start + timedelta(hours=12)),
    )
    sys.stdout.write(f"Sending {rate} events a second.\n")
    events = iter(stream)
    while True:
        began = time.monotonic()
        queue.publish(list(islice(events, rate)), max_backlog=_MAX_BACKLOG)
        time.sleep(max(0.0, began + 1 - time.monotonic()))


if __name__ == "__main__":
    sys.exit(main())
