"""A remote command waits for replies until its timeout, and then lets Celery print them."""

import errno
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

import click
import pytest
from celery.app.control import Control

from celery_sqs_fifo.control.app import ControlledCelery
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


class Connected:
    """An open connection to a control broker."""

    def connect(self) -> None:
        """See kombu.connection.Connection."""


@pytest.fixture
def operator(monkeypatch: pytest.MonkeyPatch) -> Iterator[ControlledCelery]:
    """Return the app of a program to which two workers answer. The second one refuses "other"."""

    def answer(_control: Any, command: str, *_arguments: Any, **options: Any) -> Any:
        refusal = {"error": "this worker does not accept it."}
        replies: list[dict[str, Any]] = [
            {"one@host": refusal if command == "refused" else {"ok": "pong"}},
            {"two@host": {"ok": "pong"} if command == "ping" else refusal},
        ]
        for reply in replies if "callback" in options else ():
            options["callback"](reply)
        return replies

    app = ControlledCelery("operator", set_as_current=False)
    app.conf.update(control_broker_url="redis://127.0.0.1:9/0")
    monkeypatch.setattr(app, "control_connection", lambda: nullcontext(Connected()))
    monkeypatch.setattr(Control, "broadcast", answer)
    yield app
    app.close()


def test_each_reply_is_printed(operator: ControlledCelery) -> None:
    printed: list[Any] = []

    assert operator.control.broadcast("ping", reply=True, callback=printed.append) == printed
    assert printed == [{"one@host": {"ok": "pong"}}, {"two@host": {"ok": "pong"}}]


def test_an_error_of_printing_is_not_taken_for_one_of_the_broker(
    operator: ControlledCelery,
) -> None:
    def print_to_a_full_disk(_reply: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        operator.control.broadcast("ping", reply=True, callback=print_to_a_full_disk)


def exit_status(operator: ControlledCelery, *, program: str, command: str) -> int:
    """Send a command within one of Celery's programs, and return the program's exit status."""

    @click.command(name=program)
    def send() -> None:
        operator.control.broadcast(command, reply=True)

    with pytest.raises(SystemExit) as ended:
        send.main([], prog_name=program)
    assert isinstance(ended.value.code, int)
    return ended.value.code


@pytest.mark.parametrize(
    ("program", "command", "status"),
    [
        ("control", "refused", 1),
        ("inspect", "refused", 1),
        ("control", "other", 0),
        ("control", "ping", 0),
        # Flower sends commands while it runs, and its own exit status says nothing about them.
        ("flower", "refused", 0),
    ],
)
def test_a_command_that_all_workers_refuse_ends_with_status_1(
    operator: ControlledCelery, program: str, command: str, status: int
) -> None:
    assert exit_status(operator, program=program, command=command) == status
