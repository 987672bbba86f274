"""A remote command waits for all replies together no longer than its timeout."""

from dataclasses import dataclass, field

import pytest

from celery_sqs_fifo.control.remote import MAX_WAIT, DrainUntil


@dataclass
class Connection:
    """A connection on which replies arrive at certain times. `waits` has the length of each wait.

    Like kombu's, a wait ends late: it takes up to twice its timeout.
    """

    replies: list[float]
    now: float = 0.0
    waits: list[float] = field(default_factory=list)
    default_channel: str = "channel"

    def drain_events(self, *, timeout: float) -> str:
        """See kombu.connection.Connection."""
        self.waits.append(timeout)
        if self.replies and self.replies[0] <= self.now + 2 * timeout:
            self.now = self.replies.pop(0)
            return "a reply"
        self.now += 2 * timeout
        raise TimeoutError


def bounded(connection: Connection, *, seconds: float) -> DrainUntil:
    """Return the connection with a deadline in this number of seconds."""
    return DrainUntil(connection, deadline=seconds, now=lambda: connection.now)


def test_replies_are_returned_until_the_deadline() -> None:
    connection = Connection(replies=[0.3, 0.7, 5.0])
    draining = bounded(connection, seconds=1.0)

    assert [draining.drain_events(timeout=1.0) for _ in range(2)] == ["a reply"] * 2
    with pytest.raises(TimeoutError):
        draining.drain_events(timeout=1.0)


def test_the_last_wait_ends_soon_after_the_deadline() -> None:
    connection = Connection(replies=[0.9])
    draining = bounded(connection, seconds=1.0)
    draining.drain_events(timeout=1.0)

    with pytest.raises(TimeoutError):
        draining.drain_events(timeout=1.0)

    assert 1.0 <= connection.now <= 1.0 + 2 * MAX_WAIT
    assert max(connection.waits) <= MAX_WAIT


def test_everything_else_is_that_of_the_connection() -> None:
    assert bounded(Connection(replies=[]), seconds=1.0).default_channel == "channel"
