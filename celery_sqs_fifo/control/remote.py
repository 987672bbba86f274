"""Celery's `app.control` on the control broker: what sends commands."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from celery.app.control import Control
from kombu.exceptions import OperationalError
from kombu.pidbox import Mailbox, Node

from celery_sqs_fifo.control.connection import BROKER_ERRORS, OneTryProducer, address_of
from celery_sqs_fifo.control.publisher import Reply


class CommandNode(Node):
    """A worker's end of the mailbox. `state` has the `app` and its `commands`."""

    state: Any
    mailbox: Any

    def handle_message(self, body: Any, message: Any = None) -> Any:
        """Do a command that is for all, or names this worker; a pattern could take any time."""
        if body.get("pattern") or body.get("matcher"):
            return None
        return super().handle_message(body, message)

    def handle(self, method: Any, arguments: Any = None) -> Any:
        """Run a command, if it is one that workers obey."""
        return self.state.commands.run(self.state, method, arguments)

    def reply(
        self, data: Any, exchange: str, routing_key: str, ticket: str, **_options: Any
    ) -> None:
        """Hand the answer to the thread that publishes: the main process never waits."""
        headers = {"ticket": ticket, "clock": self.mailbox.clock.forward()}
        reply = Reply(body=data, exchange=exchange, routing_key=routing_key, headers=headers)
        self.state.app.publisher.reply(reply)


class ControlMailbox(Mailbox):
    """Publishes once, over the connection it is bound to."""

    node_cls = CommandNode

    @contextmanager
    def producer_or_acquire(self, producer: Any = None, channel: Any = None) -> Iterator[Any]:
        """See kombu.pidbox; Celery's own would bring a producer for the tasks' broker."""
        yield producer or OneTryProducer(channel, auto_declare=False)


class RemoteControl(Control):
    """`app.control`: sends commands over a connection of its own each time."""

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
        """Raises NoControlBroker without a broker, and OperationalError if it does not answer."""
        if channel is not None:
            # A receiver of events asks for heartbeats over its own connection.
            return super().broadcast(
                command, arguments, destination, connection, *args, channel=channel, **options
            )
        with self.app.control_connection() as own:
            try:
                own.connect()
                return super().broadcast(command, arguments, destination, own, *args, **options)
            except BROKER_ERRORS as error:
                where = address_of(self.app.control_broker_url)
                raise OperationalError(
                    f"the control broker {where} does not answer ({type(error).__name__})"
                ) from error
