"""An operator who redrives dead letters and reopens conversations while everything fails."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress

import psycopg2

from embedded.processes import ProcessError
from embedded.service import run_manage
from testbed.traffic.events import IN_PROGRESS, Contact, PlannedEvent, SentEvent
from testbed.traffic.redriving import request_redrives
from testbed.traffic.sending import EventQueue
from tests.chaos.service_servers import ServiceServers

_SECONDS_BETWEEN_REQUESTS = 3.0
_LETTERS = 3
_SECONDS_BETWEEN_ATTEMPTS = 1.0
# The service needs some seconds to reopen a conversation, and the command a second of a processor.
_SECONDS_BETWEEN_COMMANDS = 15.0
# After the load and all faults.
_MAX_SECONDS = 180.0
_FIND = """
SELECT uuid::text, resolution FROM conversations_conversation
WHERE ARRAY[project_id::text, channel_uuid::text, contact_urn] = %s
"""


@contextmanager
def redriving(database_url: str) -> Iterator[None]:
    """Request redrives while the block runs. PostgreSQL may be down or without a table."""

    def request(is_over: threading.Event) -> None:
        while not is_over.wait(_SECONDS_BETWEEN_REQUESTS):
            with suppress(psycopg2.Error):
                request_redrives(database_url=database_url, count=_LETTERS)

    with _thread(request):
        yield


@contextmanager
def reopening(
    *, servers: ServiceServers, events: Sequence[PlannedEvent]
) -> Iterator[list[SentEvent]]:
    """Reopen the conversation of each event's contact, and then send the event.

    The yielded list has the events sent so far. At the end of the block, wait until all are sent,
    or until a conversation could not be reopened for three minutes.
    """
    sent: list[SentEvent] = []
    queue = EventQueue(
        sqs=servers.sqs(), url=servers.queue_url, retry_seconds=_SECONDS_BETWEEN_ATTEMPTS
    )

    def reopen(is_over: threading.Event) -> None:
        for event in events:
            if not _reopen(event.contact, servers=servers, is_over=is_over):
                return
            sent.extend(queue.send([event]))

    with _thread(reopen):
        yield sent


def _reopen(contact: Contact, *, servers: ServiceServers, is_over: threading.Event) -> bool:
    """Wait until a conversation is closed, and reopen it. Return whether it is open then.

    Any fault may interrupt the command, before or after the request is stored. So PostgreSQL is
    asked whether the conversation is open, and not the command. Give up some time after `is_over`.
    """
    requested_at: float | None = None
    deadline = float("inf")
    while (now := time.monotonic()) < deadline:
        if is_over.is_set():
            deadline = min(deadline, now + _MAX_SECONDS)
        with suppress(psycopg2.Error, ProcessError):
            uuid, resolution = _conversation(contact, database_url=servers.database_url)
            is_open = resolution == IN_PROGRESS
            if is_open and requested_at is not None:
                return True
            is_due = requested_at is None or now >= requested_at + _SECONDS_BETWEEN_COMMANDS
            if uuid and not is_open and is_due:
                requested_at = now
                run_manage(
                    arguments=["conversations", "reopen", uuid, "--yes"],
                    environment=servers.environment,
                    logs=servers.logs,
                )
        time.sleep(_SECONDS_BETWEEN_ATTEMPTS)
    return False


def _conversation(contact: Contact, *, database_url: str) -> tuple[str, int]:
    """Return the UUID and the resolution of a contact's only conversation, "" without one."""
    with closing(psycopg2.connect(database_url)) as connection, connection.cursor() as cursor:
        cursor.execute(_FIND, [list(contact.id)])
        found: tuple[str, int] | None = cursor.fetchone()
        return found or ("", IN_PROGRESS)


@contextmanager
def _thread(work: Callable[[threading.Event], None]) -> Iterator[None]:
    """Run `work` in a thread, and set its event at the end of the block."""
    is_over = threading.Event()
    thread = threading.Thread(target=work, args=[is_over])
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()
