"""A Celery app that sends events and remote commands over a second broker."""

import os
import threading
import weakref
from functools import cached_property
from typing import Any

from celery import Celery, signals
from kombu.connection import Connection

from celery_sqs_fifo.control.connection import (
    NoControlBroker,
    Outage,
    address_of,
    control_connection,
)
from celery_sqs_fifo.control.events import FLUSH_TIMEOUT
from celery_sqs_fifo.control.listener import Listener
from celery_sqs_fifo.control.publisher import Publisher


class ControlledCelery(Celery):
    """A Celery app with two additional settings.

    `control_broker_url` is the address of a broker with the Redis protocol. If it is empty, there
    are no events and no remote control. `control_broker_setting` is the name of the variable with
    which an operator sets that address; error messages show it.
    """

    events_cls = "celery_sqs_fifo.control.events:ControlEvents"
    control_cls = "celery_sqs_fifo.control.remote:RemoteControl"

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.steps["consumer"].add(Listener)
        self._publisher: Publisher | None = None
        self._publisher_lock = threading.Lock()
        _apps.add(self)

    @cached_property
    def control_broker_url(self) -> str:
        """Return the address of the control broker, or "" if there is none."""
        # Not added to Celery's defaults, because these would override the settings of a
        # configuration object. Cached, because every event needs it.
        return str(self.conf.get("control_broker_url", ""))

    def control_connection(self) -> Connection:
        """Return a connection to the control broker, not open yet.

        Raise NoControlBroker if the app has no control broker.
        """
        if not self.control_broker_url:
            setting = self.conf.get("control_broker_setting", "control_broker_url")
            raise NoControlBroker(
                f"events and remote control need a control broker: set {setting} to the "
                "address of a Valkey or Redis server, for this command and for the workers."
            )
        return control_connection(self.control_broker_url)

    def bugreport(self) -> str:
        """Return the output of `celery report`, without the password of the control broker."""
        report, url = str(super().bugreport()), self.control_broker_url
        return report.replace(url, address_of(url)) if url else report

    @property
    def announces_tasks(self) -> bool:
        """Return whether pool processes send events for the tasks that they run in a delivery."""
        return bool(self.control_broker_url and self.conf.worker_send_task_events)

    @property
    def publisher(self) -> Publisher:
        """Return the publisher of this process. It connects at its first event or reply."""
        with self._publisher_lock:
            if self._publisher is None:
                self._publisher = Publisher(
                    connect=self.control_connection,
                    outage=Outage(url=self.control_broker_url, purpose="events"),
                    event_exchange=self.conf.event_exchange,
                )
            return self._publisher

    def _forget_publisher(self) -> None:
        """Drop the publisher in a forked process, which does not have its parent's threads."""
        self._publisher = None
        self._publisher_lock = threading.Lock()

    def _flush(self) -> None:
        if self._publisher:
            self._publisher.flush(timeout=FLUSH_TIMEOUT)


_apps: weakref.WeakSet[ControlledCelery] = weakref.WeakSet()


def _forget_publishers() -> None:
    for app in _apps:
        app._forget_publisher()


@signals.worker_process_shutdown.connect
def _flush_publishers(**_signal: Any) -> None:
    for app in _apps:
        app._flush()


os.register_at_fork(after_in_child=_forget_publishers)
