"""Faults of PostgreSQL: closed connections, and other sessions that lock rows."""

import threading
import time
from contextlib import closing, suppress
from pathlib import Path

import psycopg2

_CUT = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
# Recording an answer locks its conversation first, and then its project.
_LOCK_PROJECTS = "SELECT 1 FROM conversations_project FOR UPDATE"
# The conversations that other sessions have locked.
_LOCKED_BY_OTHERS = """
WITH free AS MATERIALIZED (
    SELECT uuid FROM conversations_conversation WHERE resolution = 2 FOR UPDATE SKIP LOCKED
)
SELECT uuid FROM conversations_conversation
WHERE resolution = 2 AND uuid NOT IN (SELECT uuid FROM free)
"""
_LOCK = "SELECT 1 FROM conversations_conversation WHERE uuid = %s FOR UPDATE"
# Long enough for a worker to record an answer and to wait for its project.
_BETWEEN_LOCKS = 0.4
_BETWEEN_FIGHTS = 0.05


def cut_connections(database_url: str) -> None:
    """Close all connections to the database, as a failover does. Does nothing if it is down."""
    with suppress(psycopg2.Error), closing(psycopg2.connect(database_url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(_CUT)


def count_deadlocks(log: Path) -> int:
    """Return the number of deadlocks by the log, because a crash resets the statistics."""
    return log.read_text(encoding="utf-8", errors="replace").count("deadlock detected")


class Rivals:
    """Sessions that lock projects first and then conversations, the reverse of the service."""

    def __init__(self, database_url: str) -> None:
        self._database_url = database_url
        self._threads: list[threading.Thread] = []
        self._failure: psycopg2.Error | None = None

    def start(self, *, seconds: float) -> None:
        """Start two sessions, which end by themselves."""
        until = time.monotonic() + seconds
        for _ in range(2):
            thread = threading.Thread(target=self._run, args=(until,))
            thread.start()
            self._threads.append(thread)

    def join(self) -> None:
        """Wait for their end. Raises the exception that ended one too early, if any."""
        for thread in self._threads:
            thread.join()
        self._threads.clear()
        if self._failure:
            raise self._failure

    def _run(self, until: float) -> None:
        try:
            self._fight(until)
        except psycopg2.Error as error:
            self._failure = error

    def _fight(self, until: float) -> None:
        while time.monotonic() < until:
            # This session was the victim of a deadlock, or the server is down.
            with suppress(psycopg2.OperationalError, psycopg2.InterfaceError):
                self._lock_some()
            time.sleep(_BETWEEN_FIGHTS)

    def _lock_some(self) -> None:
        with (
            closing(psycopg2.connect(self._database_url, connect_timeout=2)) as connection,
            connection,
            connection.cursor() as cursor,
        ):
            cursor.execute("SET lock_timeout = '3s'")
            cursor.execute(_LOCK_PROJECTS)
            time.sleep(_BETWEEN_LOCKS)
            cursor.execute(_LOCKED_BY_OTHERS)
            for (uuid,) in cursor.fetchall():
                cursor.execute(_LOCK, [uuid])
