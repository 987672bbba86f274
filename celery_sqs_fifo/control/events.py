"""Celery's `app.events` on the control broker."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from celery.app.events import Events
from celery.events.dispatcher import EventDispatcher
from celery.events.receiver import EventReceiver

# How long the end of a process waits for its last events to be sent, in seconds.
FLUSH_FOR = 0.5


class ControlDispatcher(EventDispatcher):
    """Hands events to the publisher of this process; without a control broker it is disabled."""

    def __init__(
        self,
        _connection: Any = None,
        hostname: str | None = None,
        enabled: bool = True,
        *_args: Any,
        groups: Any = None,
        **_options: Any,
    ) -> None:
        """What Celery says of connection, channel and buffers is the publisher's business."""
        has_broker = bool(self.app.control_broker_url)
        super().__init__(
            self.app.control_connection() if has_broker else None,
            hostname=hostname,
            enabled=enabled and has_broker,
            groups=groups,
        )
        # It was needed for the exchange's type. The worker's loop would open it to ask for its
        # heartbeats, and so would wait for the broker.
        self.connection = None

    def enable(self) -> None:
        """See celery.events.dispatcher; without its producer."""
        with self.mutex:
            self._closed = False
            self.enabled = True
        for callback in self.on_enabled:
            callback()

    def _publish(self, event: Any, *_producer: Any, **_options: Any) -> None:
        self.app.publisher.put(event)

    def close(self) -> None:
        """See celery.events.dispatcher; waits for at most half a second."""
        super().close()
        if self.app.control_broker_url:
            self.app.publisher.flush(timeout=FLUSH_FOR)


class ControlReceiver(EventReceiver):
    """Receives from the control broker, whatever connection Celery's commands give it."""

    def __init__(self, _channel: Any = None, *args: Any, **options: Any) -> None:
        """Raises NoControlBroker without one, and what redis raises if it does not answer."""
        super().__init__(self.app.control_connection(), *args, **options)


class ControlEvents(Events):
    """`app.events`."""

    dispatcher_cls = ControlDispatcher
    receiver_cls = ControlReceiver

    @contextmanager
    def default_dispatcher(
        self, hostname: str | None = None, enabled: bool = True, **_options: Any
    ) -> Iterator[Any]:
        """A dispatcher for one block."""
        with self.Dispatcher(None, hostname, enabled) as dispatcher:
            yield dispatcher
