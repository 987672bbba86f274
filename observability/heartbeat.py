"""Writes a worker's heartbeat to PostgreSQL every 30 seconds, for `manage.py doctor` and `status`.

The control broker also shows which workers run, but it is optional. A heartbeat that cannot be
written has no effect on the worker.
"""

import logging
import threading
from itertools import count
from typing import Any

from celery import signals
from django.db import connection, transaction

from celery_sqs_fifo.metrics import consumer_gauges

logger = logging.getLogger(__name__)

# In seconds.
BEAT_EVERY = 30.0
STOP_TIMEOUT = 2.0
STATEMENT_TIMEOUT = "3s"
# The rows of killed workers are deleted at the first heartbeat, and then every hour.
HEARTBEATS_PER_HOUR = 120


class WorkerHeart:
    """Writes heartbeats in a thread of the main process, with a connection that it closes again.

    The reports come from the event loop, so a heartbeat also shows whether the loop runs.
    """

    def __init__(self, worker: str) -> None:
        self._worker = worker
        self._stopping = threading.Event()
        self._fails = False
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Start the thread, which writes the first heartbeat at once."""
        self._thread.start()

    def stop(self) -> None:
        """Delete the heartbeat, and wait for at most STOP_TIMEOUT."""
        self._stopping.set()
        self._thread.join(STOP_TIMEOUT)

    def _beat(self) -> None:
        from apps.conversations import heartbeats

        for number in count():
            if number % HEARTBEATS_PER_HOUR == 0:
                self._write(heartbeats.forget_old)
            reports = consumer_gauges.reports()
            self._write(heartbeats.record, worker=self._worker, queues=reports)
            if self._stopping.wait(BEAT_EVERY):
                break
        self._write(heartbeats.forget, worker=self._worker)

    def _write(self, write: Any, **values: Any) -> None:
        """Write in a transaction of its own. Log only the first of consecutive errors."""
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SET LOCAL statement_timeout = %s", [STATEMENT_TIMEOUT])
                write(**values)
            self._fails = False
        except Exception as error:
            # Any error, because the worker must not depend on this thread.
            if not self._fails:
                logger.warning("heartbeat_not_written", extra={"error": type(error).__name__})
            self._fails = True
        finally:
            connection.close()


_hearts: list[WorkerHeart] = []


@signals.worker_ready.connect
def start(sender: Any, **_signal: Any) -> None:
    """Start the heartbeats of this worker. Celery may send the signal several times."""
    if not _hearts:
        _hearts.append(WorkerHeart(sender.hostname))
        _hearts[0].start()


@signals.worker_shutdown.connect
def stop(**_signal: Any) -> None:
    """End the heartbeats of this worker."""
    while _hearts:
        _hearts.pop().stop()
