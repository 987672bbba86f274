"""The worker's end of remote control: a thread receives commands, the main process does them."""

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
# In seconds: how long the thread waits for a command before it looks whether it is to stop.
LISTEN_FOR = 1.0
STOP_WITHIN = 1.5
MAX_WAITING = 100
MAX_BINDINGS = 1_000


class Listener(bootsteps.StartStopStep):
    """A step of the worker. It waits for the broker in a thread, and for nothing in the main one.

    Commands that arrive while a hundred wait push out the oldest of them.
    """

    requires = (Tasks,)

    def __init__(self, consumer: Any, **options: Any) -> None:
        super().__init__(consumer, **options)
        self._inbox: deque[Any] = deque(maxlen=MAX_WAITING)
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._pipe: tuple[int, int] | None = None
        self._node: Any = None

    def include_if(self, consumer: Any) -> bool:
        """Only with a control broker."""
        return bool(consumer.app.control_broker_url)

    def start(self, consumer: Any) -> None:
        """Begin to listen."""
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
        """Have the main process woken for commands."""
        if self._pipe:
            hub.add_reader(self._pipe[0], self._run_commands)

    def stop(self, consumer: Any) -> None:
        """Listen no more; waits for a second and a half at most."""
        self._stopping.set()
        if not (self._thread and self._pipe):
            return
        self._thread.join(STOP_WITHIN)
        reading, writing = self._pipe
        self._pipe = None
        if consumer.hub:
            consumer.hub.remove_reader(reading)
        os.close(reading)
        if not self._thread.is_alive():
            # Else the thread may be about to write to it, or to what has its number by then.
            os.close(writing)
        self._thread = None

    shutdown = stop

    def _listen(self, app: Any, stopping: threading.Event) -> None:
        """In the thread: receive until told to stop, whatever the broker does."""
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
                # Whatever it is, it must not end the thread: nobody could reach this worker.
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
        """In the thread."""
        self._inbox.append(body)
        pipe = self._pipe
        if pipe:
            # Full or closed: the main process is to be woken already, or has stopped.
            with suppress(BlockingIOError, BrokenPipeError):
                os.write(pipe[1], b"!")

    def _run_commands(self) -> None:
        """In the main process. Raises nothing: Celery would end the worker."""
        if self._pipe:
            os.read(self._pipe[0], 4096)
        while self._inbox:
            body = self._inbox.popleft()
            try:
                self._node.handle_message(body)
            except Exception as error:
                told = {"error": type(error).__name__}
                logger.error("remote_command_unreadable", extra=told)


def _prune(channel: Any, exchanges: Iterable[str]) -> None:
    """Forget bindings that programs which were killed have left, before they fill the broker.

    Those of commands and events are not needed by any; one who waits for a reply now misses it.
    """
    for exchange in exchanges:
        bindings = channel.keyprefix_queue % (exchange,)
        if channel.client.scard(bindings) > MAX_BINDINGS:
            channel.client.delete(bindings)


def _receive(connection: Connection, stopping: threading.Event) -> None:
    """Until told to stop. Raises what redis raises, also where the broker has become silent."""
    checked_at = monotonic()
    while not stopping.is_set():
        with suppress(TimeoutError):
            connection.drain_events(timeout=LISTEN_FOR)
        if monotonic() - checked_at > HEALTH_CHECK_EVERY:
            checked_at = monotonic()
            connection.transport.cycle.maybe_check_subclient_health()


def _on_decode_error(_message: Any, error: Exception) -> None:
    """In the place of kombu's, which logs the message."""
    logger.error("remote_command_unreadable", extra={"error": type(error).__name__})
