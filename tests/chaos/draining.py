"""After the load, waits until the service has nothing left to do."""

import time
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from typing import Protocol

import psycopg2

from embedded.service import run_manage
from testbed.traffic.sending import depth
from tests.chaos.service_servers import ServiceServers

_POLL_SECONDS = 0.3
_WAITING = {
    "in the outbox": "SELECT count(*) FROM analytics_outboxevent WHERE delivered_at IS NULL",
    "closed and not archived": """
        SELECT count(*) FROM conversations_conversation
        WHERE resolution <> 2 AND archived_at IS NULL
    """,
    "due to close": """
        SELECT count(*) FROM conversations_conversation WHERE resolution = 2 AND closes_at <= now()
    """,
    "to be searched": """
        SELECT count(*) FROM conversations_conversation
        WHERE resolution <> 2 AND archive_check_at <= now() + interval '30 minutes'
    """,
}
# The service waits 15 minutes before it repeats the claim of a closing whose pointer was not sent,
# and before it searches closed conversations for late messages. Here both are due at once.
_LET_CLAIMS_RUN_OUT = """
UPDATE conversations_conversation SET due_at = now()
WHERE resolution = 2 AND closes_at <= now() AND close_requested_at < now() - interval '20 seconds'
    OR resolution = 2 AND close_requested_at > now() AND closes_at <= now()
"""
_LET_SEARCHES_COME = """
UPDATE conversations_conversation SET archive_check_at = now()
WHERE resolution <> 2 AND archive_check_at BETWEEN now() AND now() + %s
"""
# Long enough for searches that a worker has scheduled too late because its clock was ahead.
_ALL_SEARCHES = timedelta(minutes=30)
# A worker that begins a search postpones the next one by 15 minutes. So this excludes conversations
# for which a search began in the last 20 seconds and may still be running.
_SEARCHES_OF_20_SECONDS_AGO = timedelta(minutes=15, seconds=-20)


class Fleet(Protocol):
    """The workers and the beat that work while the service drains."""

    @property
    def all_ready(self) -> bool:
        """Whether all workers are ready."""

    def supervise(self) -> None:
        """Look after the processes. It is called several times a second."""

    def stop_beat(self) -> None:
        """Stop all beats for good."""


def drain(*, servers: ServiceServers, fleet: Fleet, max_seconds: float) -> float:
    """Wait until nothing is left to do or the time is up. Return the seconds that it took.

    Beat is stopped at the end, so that the stores do not change afterwards.
    """
    begun = time.monotonic()
    deadline = begun + max_seconds

    def wait(condition: Callable[[], bool]) -> None:
        while time.monotonic() < deadline and not condition():
            fleet.supervise()
            time.sleep(_POLL_SECONDS)

    sqs = servers.sqs()
    wait(lambda: fleet.all_ready)
    wait(lambda: depth(sqs, servers.queue_url) == depth(sqs, servers.dead_letter_queue_url) == 0)
    # Letters of invalid events become dead letters again.
    run_manage(
        arguments=["dlq", "redrive", "--every", "--yes"],
        environment=servers.environment,
        logs=servers.logs,
    )
    wait(lambda: depth(sqs, servers.queue_url) == 0)
    with closing(psycopg2.connect(servers.database_url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(_LET_SEARCHES_COME, [_ALL_SEARCHES])

            def nothing_waits() -> bool:
                cursor.execute(_LET_SEARCHES_COME, [_SEARCHES_OF_20_SECONDS_AGO])
                cursor.execute(_LET_CLAIMS_RUN_OUT)
                return not _waiting(cursor) and depth(sqs, servers.dead_letter_queue_url) == 0

            wait(nothing_waits)
    fleet.stop_beat()
    wait(lambda: depth(sqs, servers.queue_url) == 0)
    return time.monotonic() - begun


def _waiting(cursor: "psycopg2.extensions.cursor") -> dict[str, int]:
    found = {}
    for what, statement in _WAITING.items():
        cursor.execute(statement)
        (count,) = cursor.fetchone() or (0,)
        if count:
            found[what] = int(count)
    return found
