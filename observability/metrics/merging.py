"""Merges the metrics files of ended processes, so that each process that ends leaves none."""

import threading

from celery_sqs_fifo.observing import observing
from observability.metrics.process_files import ProcessFiles

# In seconds. A worker may replace its pool processes often (`--max-tasks-per-child`).
MERGE_EVERY = 15.0


class Merger:
    """Merges files in a thread of the worker's main process, every MERGE_EVERY seconds."""

    def __init__(self, files: ProcessFiles) -> None:
        self._files = files
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="metrics-merger", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread, after the merge that is in progress."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(MERGE_EVERY):
            with observing("metrics"):
                self._files.merge()
