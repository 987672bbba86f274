"""Remote control in the worker: a thread receives commands, and the main process runs them."""

import logging
import os
import threading
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from time import monotonic
from typing import Any

from celery import bootsteps
from celery.utils.collections import AttributeDict
from celery.worker.consumer.tasks import Tasks
from kombu.connection import Connection

from celery_sqs_fifo.backoff import Backoff
from celery_sqs_fifo.control.commands import Commands
from celery_sqs_fifo.control.connection import HEALTH_CHECK_EVERY, Outage

logger = logging.getLogger(__name__)

RECONNECT = Backoff(first=0.5, longest=15.0)
# How long the thread waits for a command before it checks whether it must stop, in seconds.
POLL_TIMEOUT = 1.0
# How long the main process waits for the thread to stop, in seconds.
STOP_TIMEOUT = 1.5
MAX_QUEUED_COMMANDS = 100
MAX_BINDINGS = 1_000


class Listener(bootsteps.StartStopStep):
    """A step of the worker that receives commands in a thread.

    The main process never waits for the broker. At most MAX_QUEUED_COMMANDS wait for the main
    process. Each further command replaces the oldest.
    """

    requires = (Tasks,)

    def __init__(self, consumer: Any, **options: Any) -> None:
        super().__init__(consumer, **options)
        self._inbox: deque[Any] = deque(maxlen=MAX_QUEUED_COMMANDS)
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._pipe: tuple[int, int] | None = None
        self._node: Any = None

    def include_if(self, consumer: Any) -> bool:
        """Return whether the app has a control broker."""
        return bool(consumer.app.control_broker_url)

    def start(self, consumer: Any) -> None:
        """Start the thread."""
        app = consumer.app
        self._node = app.control.mailbox.Node(
            consumer.hostname,
            state=AttributeDict(
                app=app,
                hostname=consumer.hostname,
                consumer=consumer,
                commands=Commands(),
                tset=set,
            ),
        )
        self._stopping = threading.Event()
        self._pipe = os.pipe()
        for end in self._pipe:
            os.set_blocking(end, False)
        self._thread = threading.Thread(
            target=self._listen, args=(app, self._stopping), name="control-listener", daemon=True
        )
        self._thread.start()

    def register_with_event_loop(self, _consumer: Any, hub: Any) -> None:
        """Wake the main process's event loop when a command arrives."""
        if self._pipe:
            hub.add_reader(self._pipe[0], self._run_commands)

    def stop(self, consumer: Any) -> None:
        """Stop the thread, and wait for it for at most STOP_TIMEOUT."""
        self._stopping.set()
        if not (self._thread and self._pipe):
            return
        self._thread.join(STOP_TIMEOUT)
        reading, writing = self._pipe
        self._pipe = None
        if consumer.hub:
            consumer.hub.remove_reader(reading)
        os.close(reading)
        if not self._thread.is_alive():
            # A thread that is still alive could write to the pipe, or to another file that now has
            # the same descriptor.
            os.close(writing)
        self._thread = None

    shutdown = stop

    def _listen(self, app: Any, stopping: threading.Event) -> None:
        """Receive commands until `stopping` is set, and reconnect after every error.

        This runs in the thread.
        """
        outage = Outage(url=app.control_broker_url, purpose="remote control")
        failures = 0
        while not stopping.is_set():
            try:
                with app.control_connection() as connection:
                    connection.connect()
                    self._subscribe(connection, app)
                    outage.end()
                    failures = 0
                    _receive(connection, stopping)
            except Exception as error:
                # No error may end the thread: the worker would receive no more commands.
                failures += 1
                outage.begin(error)
                stopping.wait(RECONNECT.after(failures))

    def _subscribe(self, connection: Connection, app: Any) -> None:
        channel = connection.channel()
        mailbox = app.control.mailbox
        exchanges = (mailbox.exchange.name, mailbox.reply_exchange.name, app.conf.event_exchange)
        _prune(channel, exchanges)
        consumer = self._node.listen(channel=channel, callback=self._on_message)
        consumer.on_decode_error = _on_decode_error

    def _on_message(self, body: Any, _message: Any) -> None:
        """Queue a command for the main process, and wake it. This runs in the thread."""
        self._inbox.append(body)
        pipe = self._pipe
        if pipe:
            # The pipe is full if the main process is about to wake, and closed if it has stopped.
            with suppress(BlockingIOError, BrokenPipeError):
                os.write(pipe[1], b"!")

    def _run_commands(self) -> None:
        """Run the queued commands in the main process.

        Raise no error, because Celery would end the worker.
        """
        if self._pipe:
            os.read(self._pipe[0], 4096)
        while self._inbox:
            body = self._inbox.popleft()
            try:
                self._node.handle_message(body)
            except Exception as error:
                log_fields = {"error": type(error).__name__}
                logger.error("remote_command_unreadable", extra=log_fields)


def _prune(channel: Any, exchanges: Iterable[str]) -> None:
    """Delete the bindings that killed programs have left, if an exchange has too many.

    Only replies need bindings. A program that waits for a reply at that moment does not receive it.
    """
    for exchange in exchanges:
        bindings = channel.keyprefix_queue % (exchange,)
        if channel.client.scard(bindings) > MAX_BINDINGS:
            channel.client.delete(bindings)


def _receive(connection: Connection, stopping: threading.Event) -> None:
    """Receive messages until `stopping` is set.

    Raise redis's errors, and an error if the broker no longer answers health checks.
    """
    checked_at = monotonic()
    while not stopping.is_set():
        with suppress(TimeoutError):
            connection.drain_events(timeout=POLL_TIMEOUT)
        if monotonic() - checked_at > HEALTH_CHECK_EVERY:
            checked_at = monotonic()
            connection.transport.cycle.maybe_check_subclient_health()


def _on_decode_error(_message: Any, error: Exception) -> None:
    """Log an unreadable message without its content, which kombu's own callback would log."""
    logger.error("remote_command_unreadable", extra={"error": type(error).__name__})
