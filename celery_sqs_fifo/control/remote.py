"""Celery's `app.control` on the control broker.

`celery_sqs_fifo.control.commands` has the commands that a worker accepts.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from time import monotonic
from typing import Any

import click
from celery.app.control import Control
from kombu.exceptions import OperationalError
from kombu.pidbox import Mailbox, Node
from redis.exceptions import AuthenticationError, AuthorizationError, ResponseError

from celery_sqs_fifo.control.connection import BROKER_ERRORS, OneTryProducer, address_of
from celery_sqs_fifo.control.publisher import Reply

# The broker answers, for example that the password is wrong or the user may not do this.
REFUSALS = (AuthenticationError, AuthorizationError, ResponseError)
# Celery's default for the time to wait for replies, in seconds.
DEFAULT_TIMEOUT = 1.0
# The maximum length of one of kombu's waits, in seconds, which bounds how much too long it takes.
MAX_WAIT = 0.2


class CommandNode(Node):
    """The worker's side of the mailbox. `state` has the `app` and its `commands`."""

    state: Any
    mailbox: Any

    def handle_message(self, body: Any, message: Any = None) -> Any:
        """Run a command that is sent to all workers or names this one.

        Ignore commands with a pattern, because matching one can take arbitrarily long.
        """
        if body.get("pattern") or body.get("matcher"):
            return None
        return super().handle_message(body, message)

    def handle(self, method: Any, arguments: Any = None) -> Any:
        """Run a command and return its answer, or an error if workers do not accept it."""
        return self.state.commands.run(self.state, method, arguments)

    def reply(
        self, data: Any, exchange: str, routing_key: str, ticket: str, **_options: Any
    ) -> None:
        """Queue the answer for the publisher's thread; the main process does not wait."""
        headers = {"ticket": ticket, "clock": self.mailbox.clock.forward()}
        reply = Reply(body=data, exchange=exchange, routing_key=routing_key, headers=headers)
        self.state.app.publisher.reply(reply)


class ControlMailbox(Mailbox):
    """A mailbox that publishes without retries, over the connection it is bound to."""

    node_cls = CommandNode

    @contextmanager
    def producer_or_acquire(self, producer: Any = None, channel: Any = None) -> Iterator[Any]:
        """Yield a producer for the control broker (kombu.pidbox).

        Celery would pass a producer for the broker of the tasks.
        """
        yield producer or OneTryProducer(channel, auto_declare=False)


class DrainUntil:
    """A connection that waits for replies until a deadline, in seconds of the clock `now`.

    kombu waits as long again after each reply, so many workers could prolong a command without end.
    It also waits again whenever a BRPOP ends.
    """

    def __init__(
        self, connection: Any, *, deadline: float, now: Callable[[], float] = monotonic
    ) -> None:
        self._connection = connection
        self._deadline = deadline
        self._now = now

    def drain_events(self, timeout: float) -> Any:
        """Wait for one reply. Raise TimeoutError at the deadline, whatever `timeout` is."""
        while (remaining := self._deadline - self._now()) > 0:
            with suppress(TimeoutError):
                return self._connection.drain_events(timeout=min(timeout, remaining, MAX_WAIT))
        raise TimeoutError

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


class RemoteControl(Control):
    """Celery's `app.control`, which opens a connection for each command."""

    Mailbox = ControlMailbox

    def broadcast(
        self,
        command: str,
        arguments: Any = None,
        destination: Any = None,
        connection: Any = None,
        *args: Any,
        channel: Any = None,
        **options: Any,
    ) -> Any:
        """Send a command, and return the replies if they were requested.

        Wait for replies until `timeout` seconds have passed since the call, then pass each one to
        `callback`. Raise NoControlBroker if none is configured, and OperationalError if it refuses
        the command or does not answer.
        """
        deadline = monotonic() + (options.get("timeout") or DEFAULT_TIMEOUT)
        if channel is not None:
            # A receiver of events requests heartbeats over its own connection.
            return super().broadcast(
                command, arguments, destination, connection, *args, channel=channel, **options
            )
        callback = options.pop("callback", None)
        with self.app.control_connection() as new, self._broker_errors_described():
            new.connect()
            bounded = DrainUntil(new, deadline=deadline)
            replies = super().broadcast(command, arguments, destination, bounded, *args, **options)
        # kombu would call this while it waits for replies. An error of printing, such as that of a
        # full disk, would be taken for an error of the broker.
        for reply in replies if callback and replies else ():
            callback(reply)
        if replies:
            _fail_if_refused(replies)
        return replies

    @contextmanager
    def _broker_errors_described(self) -> Iterator[None]:
        """Raise OperationalError, which says what is wrong, in place of the broker's errors."""
        address = address_of(self.app.control_broker_url)
        try:
            yield
        except REFUSALS as error:
            raise OperationalError(
                f"the control broker {address} refuses this command ({type(error).__name__}): "
                "check the user and the password"
            ) from error
        except BROKER_ERRORS as error:
            raise OperationalError(
                f"the control broker {address} does not answer ({type(error).__name__})"
            ) from error


def _fail_if_refused(replies: Iterable[Mapping[str, Any]]) -> None:
    """Let `celery control` and `celery inspect` exit with status 1 if all workers refuse."""
    command = click.get_current_context(silent=True)
    if command is None or command.info_name not in ("control", "inspect"):
        return
    answers = [answer for reply in replies for answer in reply.values()]
    if all(isinstance(answer, Mapping) and "error" in answer for answer in answers):
        # Celery prints the replies as JSON later.
        command.call_on_close(partial(sys.exit, 1))
