"""Serves a worker's metrics to Prometheus: one page for its main process and its pool.

If METRICS_PORT is set, each process keeps its values in files of a temporary directory. The main
process adds them up for each scrape (prometheus-client, "Multiprocess mode"). The counts of a
process therefore survive its end; its files are merged with those of other ended processes. Gauges
are not in these files: only the main process has them.
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
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import Metric
from prometheus_client.multiprocess import MultiProcessCollector

from observability.metrics.merging import Merger
from observability.metrics.process_files import ProcessFiles, read_key
from observability.metrics.reserved_files import reserve_files

logger = logging.getLogger(__name__)

DIRECTORY_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
PREFIX = "conversation-metrics-"
# Seconds. The worker of a younger directory may not have locked it yet.
MIN_ABANDONED_AGE = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Exporter:
    """The server of one process, and the directory of the values that it serves.

    `lock` is a file descriptor. The lock is held until the process and all its children have ended.
    """

    server: WSGIServer
    thread: threading.Thread
    merger: Merger
    directory: str
    lock: int
    process_id: int

    def stop(self) -> None:
        """Stop the server and remove the values. Do nothing in a child process."""
        if os.getpid() == self.process_id:
            self.server.shutdown()
            self.server.server_close()
            self.thread.join()
            self.merger.stop()
            shutil.rmtree(self.directory, ignore_errors=True)
            os.close(self.lock)


class ProcessFilesCollector(MultiProcessCollector):
    """Collects the metrics of all processes from their files."""

    def __init__(self, files: ProcessFiles, *, path: str) -> None:
        super().__init__(None, path=path)
        self._files = files

    def collect(self) -> Any:
        """Return the metrics."""
        metrics: dict[str, Metric] = {}
        for type_, totals in self._files.totals().items():
            for key, value in totals.items():
                series = read_key(key)
                metric = metrics.setdefault(
                    series.metric, Metric(series.metric, series.meaning, type_)
                )
                # The labels are pairs, as the next function expects them.
                labels: Any = tuple(sorted(series.labels.items()))
                metric.add_sample(series.name, labels, value)
        return self._accumulate_metrics(metrics, accumulate=True)


_exporters: list[Exporter] = []


@signals.worker_init.connect
def start(sender: Any, **_signal: Any) -> None:
    """Start the exporter before the pool, so that the pool's processes use its directory."""
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
    # Celery does not send worker_shutdown for every kind of exit.
    atexit.register(stop)


@signals.worker_process_init.connect
def close_inherited_socket(**_signal: Any) -> None:
    """Close the inherited server socket in a pool process.

    Otherwise the port stays in use while a pool process outlives a killed main process.
    """
    for exporter in _exporters:
        if os.getpid() != exporter.process_id:
            exporter.server.socket.close()


@signals.worker_shutdown.connect
def stop(**_signal: Any) -> None:
    """Stop the exporter after the pool has ended."""
    while _exporters:
        _exporters.pop().stop()


def start_exporter(*, address: str, port: int, dropped_events: Callable[[], int]) -> Exporter:
    """Serve the metrics of this process and of the processes that it forks from now on.

    `dropped_events` returns how many events for the control broker were dropped. No metric may have
    been created before. Raise OSError if the port cannot be used.
    """
    # These modules need Django, which is not set up when Celery imports this module.
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
    os.environ[DIRECTORY_VARIABLE] = directory
    reserve_files()
    transport.metrics()
    counters.metrics()
    files = ProcessFiles(Path(directory))
    registry.register(ProcessFilesCollector(files, path=directory))
    registry.register(transport.consumer_gauges)
    registry.register(transport.DroppedEvents(dropped_events))
    registry.register(transport.MainProcessErrors())
    registry.register(StateCollector())
    merger = Merger(files)
    merger.start()
    return Exporter(
        server=server,
        thread=thread,
        merger=merger,
        directory=directory,
        lock=lock,
        process_id=os.getpid(),
    )


def new_directory() -> tuple[str, int]:
    """Create and lock a directory for the values, and remove the directories of killed workers.

    Return its path and the file descriptor of the lock.
    """
    for other in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        if _is_abandoned(other):
            shutil.rmtree(other, ignore_errors=True)
    directory = tempfile.mkdtemp(prefix=PREFIX)
    lock = os.open(directory, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    return directory, lock


def _is_abandoned(directory: Path) -> bool:
    """Return whether no process holds the lock of a directory.

    Return False for the directory of another user, which cannot be opened.
    """
    try:
        if time.time() - directory.stat().st_mtime < MIN_ABANDONED_AGE:
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
