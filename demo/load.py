"""`python -m demo.load RATE`: generated traffic without an end, for a service that is running.

RATE is events a second. The settings come from the environment, as the service's own do.
"""

import os
import secrets
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice

from rich.console import Console

from demo.events import PlannedEvent
from demo.queue import Queues
from demo.settings import use_settings
from demo.traffic import Day, generate_day
from embedded.processes import sigterm_as_exit

FASTEST = 200
_EVENTS_OF_A_DAY = 10_000
_SEEDS = 2**32


def main() -> int:
    """Until Ctrl-C or SIGTERM (0); 2 if RATE is not a whole number from 1 to FASTEST."""
    rate = _rate(sys.argv[1:])
    if rate is None:
        Console(stderr=True).print(
            f"RATE must be a whole number of events a second from 1 to {FASTEST}.", highlight=False
        )
        return 2
    try:
        with sigterm_as_exit():
            _publish(rate=rate)
    except (KeyboardInterrupt, SystemExit):
        return 0
    return 0


def _rate(arguments: list[str]) -> int | None:
    text = arguments[0] if len(arguments) == 1 else ""
    is_number = text.isascii() and text.isdigit() and 1 <= int(text) <= FASTEST
    return int(text) if is_number else None


def _publish(*, rate: int) -> None:
    """So many events each second; fewer while the worker is behind."""
    use_settings(os.environ)
    # It uses the models, which need the settings.
    from demo.arrangements import add_projects

    queues = Queues(
        queue_url=os.environ["SQS_CONVERSATION_QUEUE_URL"],
        dead_letter_queue_url=os.environ["SQS_CONVERSATION_DLQ_URL"],
        region=os.environ["SQS_CONVERSATION_REGION"],
    )
    for day in _days():
        add_projects(day.projects)
        events = iter(day.events)
        while batch := list(islice(events, rate)):
            began = time.monotonic()
            _send(batch, queues=queues)
            time.sleep(max(0.0, began + 1 - time.monotonic()))


def _send(events: list[PlannedEvent], *, queues: Queues) -> None:
    queues.publish(events, on_progress=lambda _sent, _backlog: None)


def _days() -> Iterator[Day]:
    """Days of yesterday's date, each with projects and contacts of its own."""
    while True:
        yesterday = datetime.now(UTC).date() - timedelta(days=1)
        yield generate_day(events=_EVENTS_OF_A_DAY, seed=secrets.randbelow(_SEEDS), day=yesterday)


if __name__ == "__main__":
    sys.exit(main())
