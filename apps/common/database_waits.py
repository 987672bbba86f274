"""A client-side limit for every wait for PostgreSQL.

PostgreSQL's own time limits cannot end a wait for a server that no longer responds. The TCP options
of libpq cannot end it either while the server's kernel or a proxy acknowledges the data.
"""

from functools import partial
from select import POLLIN, POLLOUT, poll
from time import monotonic
from typing import Any

from psycopg2 import OperationalError, extensions

# Any other status means that psycopg2 is still connecting.
_CONNECTED = (extensions.STATUS_READY, extensions.STATUS_BEGIN, extensions.STATUS_PREPARED)


def limit_waits(*, connecting: float, answer: float) -> None:
    """Limit the waits of all psycopg2 connections of this process, in seconds.

    `connecting` limits the whole time to connect. libpq's `connect_timeout` has no effect on a
    connection with a wait callback (libpq, "PQconnectPoll"). `answer` limits the time for which a
    server sends nothing. At a limit the connection is closed, and psycopg2 raises OperationalError.
    """
    extensions.set_wait_callback(partial(_wait, connecting=connecting, answer=answer))


def lift_limits(**_signal: Any) -> None:
    """Remove the limits of this process, for statements that may take any time."""
    extensions.set_wait_callback(None)


def _wait(connection: Any, *, connecting: float, answer: float) -> None:
    """Wait until libpq has finished. psycopg2 closes the connection if this raises an error."""
    deadline = monotonic() + connecting
    while (state := connection.poll()) != extensions.POLL_OK:
        is_connected = connection.status in _CONNECTED
        seconds = answer if is_connected else max(0.0, deadline - monotonic())
        waiter = poll()
        waiter.register(connection, POLLIN if state == extensions.POLL_READ else POLLOUT)
        if not waiter.poll(seconds * 1000):
            raise OperationalError("PostgreSQL does not respond")
