"""Faults of PostgreSQL that other sessions cause: locks, cut connections, and changes."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psycopg2
from psycopg2 import errors

from testbed.database_changes import CUT_CONNECTIONS, Change, attempt, execute, session

# Recording an answer locks its conversation first, and then its project.
_LOCK_PROJECTS = "SELECT 1 FROM conversations_project FOR UPDATE"
_LOCK_PROJECT = "SELECT 1 FROM conversations_project WHERE uuid = %s FOR UPDATE"
# Selects the conversations that other sessions have locked.
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
_BETWEEN_ATTEMPTS = 0.05


def count_deadlocks(log: Path) -> int:
    """Count the deadlocks in PostgreSQL's log, because a crash resets its statistics."""
    return log.read_text(encoding="utf-8", errors="replace").count("deadlock detected")


class Sessions:
    """Runs sessions in threads. They end by themselves or when `end` is called.

    If another fault interrupts a session, it tries again until its time is over.
    """

    def __init__(self, database_url: str) -> None:
        self._database_url = database_url
        self._threads: list[threading.Thread] = []
        self._failure: psycopg2.Error | None = None
        self._is_over = threading.Event()

    def cut_connections(self) -> None:
        """Close all connections, as a failover does. Does nothing if PostgreSQL is down."""
        with suppress(psycopg2.OperationalError, psycopg2.InterfaceError):
            execute([CUT_CONNECTIONS], database_url=self._database_url)

    def change(self, change: Change, *, seconds: float) -> None:
        """Begin a change now, and end it after some seconds."""
        self._start(lambda until: self._change(change, until=until), seconds=seconds)

    def fight(self, *, seconds: float) -> None:
        """Cause deadlocks with two sessions that lock in the opposite order of the service.

        They lock projects first and conversations second.
        """
        for _ in range(2):
            self._start(lambda until: self._repeat(self._lock_some, until=until), seconds=seconds)

    def lock_project(self, project: str, *, seconds: float) -> None:
        """Lock the row of a project."""
        self._start(
            lambda until: self._repeat(lambda: self._hold(project, until=until), until=until),
            seconds=seconds,
        )

    def end(self) -> None:
        """End all changes and sessions. Raises the error of a session that failed, if one did."""
        self._is_over.set()
        for thread in self._threads:
            thread.join()
        self._threads.clear()
        self._is_over.clear()
        if self._failure:
            raise self._failure

    def _start(self, work: Callable[[float], object], *, seconds: float) -> None:
        until = time.monotonic() + seconds

        def run() -> None:
            try:
                work(until)
            except psycopg2.Error as error:
                self._failure = error

        thread = threading.Thread(target=run)
        thread.start()
        self._threads.append(thread)

    def _change(self, change: Change, *, until: float) -> None:
        url = self._database_url
        attempt(change.begin, database_url=url, may_continue=lambda: time.monotonic() < until)
        self._wait(until=until)
        # The change may have begun even if the attempt failed.
        attempt(change.end, database_url=url, may_continue=lambda: True)

    def _repeat(self, work: Callable[[], None], *, until: float) -> None:
        while time.monotonic() < until and not self._is_over.is_set():
            # PostgreSQL ended this session because of a deadlock, is down, or lacks a table.
            with suppress(
                psycopg2.OperationalError, psycopg2.InterfaceError, errors.UndefinedTable
            ):
                work()
            time.sleep(_BETWEEN_ATTEMPTS)

    def _lock_some(self) -> None:
        with session(self._database_url) as connection, connection, connection.cursor() as cursor:
            cursor.execute(_LOCK_PROJECTS)
            time.sleep(_BETWEEN_LOCKS)
            cursor.execute(_LOCKED_BY_OTHERS)
            for (uuid,) in cursor.fetchall():
                cursor.execute(_LOCK, [uuid])

    def _hold(self, project: str, *, until: float) -> None:
        with session(self._database_url) as connection, connection, connection.cursor() as cursor:
            cursor.execute(_LOCK_PROJECT, [project])
            self._wait(until=until)

    def _wait(self, *, until: float) -> None:
        self._is_over.wait(max(0.0, until - time.monotonic()))
