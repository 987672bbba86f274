"""Bounds for the memory of Flower, which otherwise grows with the events and workers it has seen.

Flower never forgets a worker by itself. Where each worker has a host name of its own, as in
Kubernetes, every deploy adds time series and pages that nobody reads.
"""

import time
from typing import Any

from flower.app import Flower
from tornado.ioloop import PeriodicCallback

# Flower's own default is ten times as much (docs/metrics.md has the memory that both need).
MAX_TASKS = 10_000
# In seconds. For so long, Flower shows a worker that has sent no heartbeat as offline.
FORGET_AFTER = 3_600
FORGET_EVERY = 60.0


def set_defaults(options: Any) -> None:
    """Change the defaults of Flower's options `max_tasks` and `purge_offline_workers`.

    Values that an operator has set have precedence. tornado has no public way to change a default.
    """
    options._options["max-tasks"].default = MAX_TASKS  # noqa: SLF001
    options._options["purge-offline-workers"].default = FORGET_AFTER  # noqa: SLF001


def forget_gone_workers_regularly() -> None:
    """Make Flower forget workers while it runs, even if nobody reads its metrics."""
    start = Flower.start

    def start_forgetting(flower: Flower) -> None:
        PeriodicCallback(lambda: forget_gone_workers(flower), FORGET_EVERY * 1_000).start()
        start(flower)

    Flower.start = start_forgetting


def forget_gone_workers(flower: Flower) -> None:
    """Remove all that Flower has about workers that were last heard of long ago.

    Flower removes the time series of such workers, but only while its metrics are read. In a
    configuration file, an operator can set `purge_offline_workers` to None, to keep all workers.
    """
    if flower.options.purge_offline_workers is None:
        return
    flower.purge_offline_worker_metrics()
    state, inspected = flower.events.state, flower.inspector.workers
    oldest = time.time() - flower.options.purge_offline_workers
    for name in {*state.counter, *state.tasks_by_worker, *inspected}:
        worker = state.workers.get(name)
        if worker is None or (not worker.alive and _last_heard_of(worker) <= oldest):
            for by_name in (state.workers, state.counter, state.tasks_by_worker, inspected):
                by_name.pop(name, None)


def _last_heard_of(worker: Any) -> float:
    """Return the time of a worker's last heartbeat; if it has said goodbye, of its last event."""
    last_event: float = getattr(worker, "timestamp", 0.0)
    return max(worker.heartbeats, default=last_event)
