"""Celery's `app.events` on the control broker."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from celery.app.events import Events
from celery.events.dispatcher import EventDispatcher
from celery.events.receiver import EventReceiver

# The maximum time in seconds that a process waits at its end for its last events to be sent.
FLUSH_TIMEOUT = 0.5


class ControlDispatcher(EventDispatcher):
    """Passes events to the publisher of this process.

    Without a control broker the dispatcher is disabled.
    """

    def __init__(
        self,
        _connection: Any = None,
        hostname: str | None = None,
        enabled: bool = True,
        *_args: Any,
        groups: Any = None,
        **_options: Any,
    ) -> None:
        """Ignore Celery's connection, channel and buffers, because the publisher has its own."""
        has_broker = bool(self.app.control_broker_url)
        super().__init__(
            self.app.control_connection() if has_broker else None,
            hostname=hostname,
            enabled=enabled and has_broker,
            groups=groups,
        )
        # Celery's constructor needs the connection only to choose the exchange's type. If it
        # stayed, the worker's event loop would open it, and would wait for the broker.
        self.connection = None

    def enable(self) -> None:
        """Enable the dispatcher without creating a producer (celery.events.dispatcher)."""
        with self.mutex:
            self._closed = False
            self.enabled = True
        for callback in self.on_enabled:
            callback()

    def _publish(self, event: Any, *_producer: Any, **_options: Any) -> None:
        self.app.publisher.put(event)

    def close(self) -> None:
        """Close the dispatcher, and wait at most FLUSH_TIMEOUT for events to be sent."""
        super().close()
        if self.app.control_broker_url:
            self.app.publisher.flush(timeout=FLUSH_TIMEOUT)


class ControlReceiver(EventReceiver):
    """Receives from the control broker, even if a command of Celery passes another connection."""

    def __init__(self, _channel: Any = None, *args: Any, **options: Any) -> None:
        """Raise NoControlBroker if none is configured, and redis's errors if it is down."""
        super().__init__(self.app.control_connection(), *args, **options)


class ControlEvents(Events):
    """Celery's `app.events`, with the dispatcher and the receiver of the control broker."""

    dispatcher_cls = ControlDispatcher
    receiver_cls = ControlReceiver

    @contextmanager
    def default_dispatcher(
        self, hostname: str | None = None, enabled: bool = True, **_options: Any
    ) -> Iterator[Any]:
        """Return a context manager with a dispatcher, which is closed at the end of the block."""
        with self.Dispatcher(None, hostname, enabled) as dispatcher:
            yield dispatcher
