"""A Celery app whose events and remote control go over a second broker."""

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
from celery_sqs_fifo.control.events import FLUSH_FOR
from celery_sqs_fifo.control.listener import Listener
from celery_sqs_fifo.control.publisher import Publisher


class ControlledCelery(Celery):
    """Takes two settings more than Celery.

    `control_broker_url` is the address of a broker with the Redis protocol; empty: no events and no
    remote control. `control_broker_setting` is what an operator sets to give it one, for messages.
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
        """The control broker's address; empty: none. It is asked for with every event."""
        # Not a default of Celery's: those go before the settings of an object.
        return str(self.conf.get("control_broker_url", ""))

    def control_connection(self) -> Connection:
        """A connection to the control broker, not open yet. Raises NoControlBroker without one."""
        if not self.control_broker_url:
            setting = self.conf.get("control_broker_setting", "control_broker_url")
            raise NoControlBroker(
                f"events and remote control need a broker of their own: set {setting} to the "
                "address of a Valkey or Redis server, here and for the workers."
            )
        return control_connection(self.control_broker_url)

    def bugreport(self) -> str:
        """Return what `celery report` prints, with no password of the control broker in it."""
        report, url = str(super().bugreport()), self.control_broker_url
        return report.replace(url, address_of(url)) if url else report

    @property
    def announces_tasks(self) -> bool:
        """Whether pool processes tell of the tasks that they run within a delivery."""
        return bool(self.control_broker_url and self.conf.worker_send_task_events)

    @property
    def publisher(self) -> Publisher:
        """That of this process; it connects when there is something to send."""
        with self._publisher_lock:
            if self._publisher is None:
                self._publisher = Publisher(
                    connect=self.control_connection,
                    outage=Outage(url=self.control_broker_url, purpose="events"),
                    event_exchange=self.conf.event_exchange,
                )
            return self._publisher

    def _forget_publisher(self) -> None:
        """A forked process has its parent's objects, but not its threads."""
        self._publisher = None
        self._publisher_lock = threading.Lock()

    def _flush(self) -> None:
        if self._publisher:
            self._publisher.flush(timeout=FLUSH_FOR)


_apps: weakref.WeakSet[ControlledCelery] = weakref.WeakSet()


def _forget_publishers() -> None:
    for app in _apps:
        app._forget_publisher()


@signals.worker_process_shutdown.connect
def _flush_publishers(**_signal: Any) -> None:
    for app in _apps:
        app._flush()


os.register_at_fork(after_in_child=_forget_publishers)
