"""Changes to Celery's prefork pool: failed starts are repaired, and no written job is dropped."""

from collections.abc import Callable
from functools import partial
from typing import Any

from celery.signals import worker_before_create_process


@worker_before_create_process.connect
def guard_pool(sender: Any, **_signal: Any) -> None:
    """Guard the signal's sender, a pool, when it creates its first process."""
    if not isinstance(sender._create_worker_process, partial):
        sender._create_worker_process = partial(_create, sender, sender._create_worker_process)
        sender.did_start_ok = partial(_did_start, sender)
        sender.flush = partial(_flush, sender, sender.flush)


def _create(pool: Any, create: Callable[[int], Any], index: int) -> Any:
    """Create a process. If it does not start, the pool can create another one later.

    The pool adds a process to its list, and assigns queues to it, before it starts the process. If
    the start fails, for example because the system refuses the fork, the pool would never be
    complete again: it has no queues left, and its next search for ended processes fails.
    """
    try:
        return create(index)
    except Exception:
        for process in [one for one in pool._pool if one._popen is None]:
            pool._pool.remove(process)
            pool._queues[pool._find_worker_queues(process)] = None
        raise


def _did_start(pool: Any) -> bool:
    """Return whether the first processes run, apart from those that were killed by a signal.

    Celery ends the worker if this is false. The pool replaces a killed process, because the next
    one may start. If a process exits by itself, for example after an import error, the next one
    would exit too.
    """
    exit_codes = [process.exitcode for process in pool._pool]
    return all(code is None or code < 0 for code in exit_codes)


def _flush(pool: Any, flush: Callable[[], None]) -> None:
    """Drop the jobs that no process can read. The pool flushes before the worker stops.

    Celery drops all jobs that no process has accepted. But a process runs every job that was
    written to it. After a dropped job it would wait 30 seconds for the worker to read the result
    (billiard, `_ensure_messages_consumed`), and the job's messages would be received again.
    """
    written = [
        job for job in pool._cache.values() if job._write_to is not None and not job._accepted
    ]
    for job in written:
        job._accepted = True
    try:
        flush()
    finally:
        for job in written:
            job._accepted = False
