"""Serving a worker's metrics to Prometheus: one page for its main process and its pool.

Where METRICS_PORT is set, the values of all processes are kept in files of a directory that the
worker makes for itself, one set for each process, and the main process adds them up when it is
asked (prometheus-client, "Multiprocess mode"). So what a process has counted survives its death.
Gauges are none of them: the main process alone has them, and nobody's death leaves one behind.
"""

import atexit
import fcntl
import logging
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIServer

from celery import signals
from django.conf import settings
from prometheus_client import CollectorRegistry, start_http_server, values
from prometheus_client.multiprocess import MultiProcessCollector

logger = logging.getLogger(__name__)

DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"
PREFIX = "conversation-metrics-"
# A directory that is younger may be that of a worker which is about to lock it.
SURELY_LOCKED_AFTER = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Exporter:
    """What serves the page, and where the values are; it belongs to one process.

    `lock` is held until this process and all its children have ended.
    """

    server: WSGIServer
    thread: threading.Thread
    directory: str
    lock: int
    process_id: int

    def stop(self) -> None:
        """Serve no more, and remove the values. In a child of its process it does nothing."""
        if os.getpid() == self.process_id:
            self.server.shutdown()
            self.server.server_close()
            self.thread.join()
            shutil.rmtree(self.directory, ignore_errors=True)
            os.close(self.lock)


_exporters: list[Exporter] = []


@signals.worker_init.connect
def start(sender: Any, **_signal: Any) -> None:
    """Before the pool starts, so that its processes know where to count."""
    if not settings.METRICS_PORT:
        return
    try:
        exporter = start_exporter(
            address=settings.METRICS_ADDRESS,
            port=settings.METRICS_PORT,
            dropped_events=lambda: sender.app.publisher.dropped,
        )
    except OSError as error:
        logger.error(
            "metrics_not_served",
            extra={
                "address": settings.METRICS_ADDRESS,
                "port": settings.METRICS_PORT,
                "error": error.strerror,
            },
        )
        return
    _exporters.append(exporter)
    # For ends that do not come by Celery's own shutdown.
    atexit.register(stop)


@signals.worker_process_init.connect
def leave_the_port_to_the_main_process(**_signal: Any) -> None:
    """Or the port would stay taken while a pool process outlives a main process that was killed."""
    for exporter in _exporters:
        if os.getpid() != exporter.process_id:
            exporter.server.socket.close()


@signals.worker_shutdown.connect
def stop(**_signal: Any) -> None:
    """When the pool has ended."""
    while _exporters:
        _exporters.pop().stop()


def start_exporter(*, address: str, port: int, dropped_events: Callable[[], int]) -> Exporter:
    """Serve this process's metrics, and those of the processes it forks from now on.

    `dropped_events` tells how many events for the control broker were dropped.
    Raises OSError if the port cannot be used. No metric may have been made before.
    """
    # They need Django, which is not set up when Celery loads this module.
    from celery_sqs_fifo import metrics as transport
    from observability.metrics import counters
    from observability.metrics.state import StateCollector

    registry = CollectorRegistry()
    directory, lock = new_directory()
    try:
        server, thread = start_http_server(port, addr=address, registry=registry)
    except OSError:
        shutil.rmtree(directory)
        os.close(lock)
        raise
    os.environ[DIRECTORY] = directory
    # Not left to the variable alone: who imported prometheus-client first has decided already.
    values.ValueClass = values.MultiProcessValue()
    transport.metrics()
    counters.metrics()
    MultiProcessCollector(registry, path=directory)
    registry.register(transport.consumer_gauges)
    registry.register(transport.DroppedEvents(dropped_events))
    registry.register(StateCollector())
    return Exporter(
        server=server, thread=thread, directory=directory, lock=lock, process_id=os.getpid()
    )


def new_directory() -> tuple[str, int]:
    """A directory for the values, and the lock on it; those of killed workers are removed."""
    for other in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        if _is_abandoned(other):
            shutil.rmtree(other, ignore_errors=True)
    directory = tempfile.mkdtemp(prefix=PREFIX)
    lock = os.open(directory, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    return directory, lock


def _is_abandoned(directory: Path) -> bool:
    """Nobody holds its lock any more. Another user's cannot be told, and is left."""
    try:
        if time.time() - directory.stat().st_mtime < SURELY_LOCKED_AFTER:
            return False
        attempt = os.open(directory, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(attempt, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(attempt)
    return True
