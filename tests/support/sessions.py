"""Threads with their own database sessions, for tests of code that waits for a lock."""

import threading
import time
from collections.abc import Callable

import pytest
from django.db import connection


def started(target: Callable[..., object], *arguments: object) -> threading.Thread:
    """Start a thread that closes its own database connection, and return it."""

    def run() -> None:
        try:
            target(*arguments)
        finally:
            connection.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


def wait_for_a_blocked_session() -> None:
    """Wait until a session waits for a lock. Fail after ten seconds."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
        time.sleep(0.01)
    pytest.fail("no session waits for a lock")
