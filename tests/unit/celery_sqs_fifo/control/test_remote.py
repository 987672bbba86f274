"""A remote command waits for all replies together no longer than its timeout."""

from dataclasses import dataclass, field

import pytest

from celery_sqs_fifo.control.remote import DrainUntil


@dataclass
class Connection:
    """A connection on which a reply arrives every 0.4 seconds."""

    now: float = 100.0
    waits: list[float] = field(default_factory=list)
    default_channel: str = "channel"

    def drain_events(self, *, timeout: float) -> None:
        """See kombu.connection.Connection."""
        self.waits.append(round(timeout, 1))
        self.now += min(0.4, timeout)


def test_each_wait_is_shorter_than_the_one_before_and_the_last_one_ends_at_the_deadline() -> None:
    connection = Connection()
    bounded = DrainUntil(connection, seconds=1.0, now=lambda: connection.now)

    for _reply in range(3):
        bounded.drain_events(timeout=1.0)
    with pytest.raises(TimeoutError):
        bounded.drain_events(timeout=1.0)

    assert connection.waits == [1.0, 0.6, 0.2]


def test_everything_else_is_that_of_the_connection() -> None:
    assert DrainUntil(Connection(), seconds=1.0).default_channel == "channel"
