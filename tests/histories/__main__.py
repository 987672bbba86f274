"""`make histories` runs random histories on all cores, and compares them with the oracle.

The options are environment variables (defaults in brackets):
- HISTORIES (100000): how many are run;
- HISTORIES_FROM (0): the first seed;
- JOBS (the number of cores): how many processes run them.

Ctrl-C or SIGTERM ends the run when the histories that have begun are finished. The last line has
the seed from which another run continues.
"""

import os
import signal
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from queue import SimpleQueue
from threading import Event
from typing import Any

from rich.console import Console

from embedded.commands import exit_status, number_setting, print_with_time
from embedded.postgres import parent_of_clusters, start_postgres
from embedded.processes import supervisor
from tests.histories.deliveries import SIDE_BY_SIDE
from tests.histories.workers import Worker, running_worker

# Further deviations are only counted.
MAX_PRINTED = 100


def run_command(console: Console) -> int:
    """Return 0 if all histories ended as the oracle says, else 1.

    Raise CommandError or ProcessError.
    """
    number = number_setting("HISTORIES", default=100_000, minimum=1)
    first = number_setting("HISTORIES_FROM", default=0)
    jobs = number_setting("JOBS", default=os.cpu_count() or 1, minimum=1)
    with supervisor() as processes, ExitStack() as stack:
        folder = processes.temporary_directory(parent=parent_of_clusters())
        postgres = start_postgres(supervisor=processes, logs=folder)
        postgres.wait_until_ready()
        stop = stack.enter_context(_polite_stop())
        workers = [
            stack.enter_context(running_worker(number=each, postgres=postgres, lake=folder))
            for each in range(jobs)
        ]
        return _run(range(first, first + number), workers=workers, stop=stop, console=console)


def _run(seeds: range, *, workers: Sequence[Worker], stop: Event, console: Console) -> int:
    begun, ran, deviations = time.monotonic(), 0, 0
    for chunk, found in _in_order(seeds, workers=workers, stop=stop):
        for each in found[: max(0, MAX_PRINTED - deviations)]:
            print_with_time(each, console=console)
        thousands, ran, deviations = ran // 1_000, ran + len(chunk), deviations + len(found)
        if ran // 1_000 > thousands:
            summary = f"{ran:,} of {len(seeds):,} histories, {deviations} deviations"
            print_with_time(f"{summary}, {time.monotonic() - begun:.0f} s", console=console)
    seconds, following = time.monotonic() - begun, seeds.start + ran
    console.print(
        f"{ran} histories, seeds {seeds.start} to {following - 1}, {deviations} deviations,"
        f" {seconds:.0f} s",
        highlight=False,
    )
    if ran < len(seeds):
        rest = f"HISTORIES={len(seeds) - ran} HISTORIES_FROM={following}"
        console.print(f"make histories {rest} runs the rest", highlight=False)
    return 1 if deviations else 0


def _in_order(
    seeds: range, *, workers: Sequence[Worker], stop: Event
) -> Iterator[tuple[range, list[str]]]:
    """Run the seeds in chunks. Yield each chunk with its deviations, in the order of the seeds."""
    free: SimpleQueue[Worker] = SimpleQueue()
    for worker in workers:
        free.put(worker)

    def run(chunk: range) -> list[str]:
        worker = free.get()
        try:
            return worker.deviations_of(chunk)
        finally:
            free.put(worker)

    going: deque[tuple[range, Future[list[str]]]] = deque()
    with ThreadPoolExecutor(len(workers)) as threads:
        for start in range(seeds.start, seeds.stop, SIDE_BY_SIDE):
            if stop.is_set():
                break
            chunk = range(start, min(start + SIDE_BY_SIDE, seeds.stop))
            going.append((chunk, threads.submit(run, chunk)))
            if len(going) > len(workers):
                first, future = going.popleft()
                yield first, future.result()
        while going:
            first, future = going.popleft()
            yield first, future.result()


@contextmanager
def _polite_stop() -> Iterator[Event]:
    """Yield an event that the first Ctrl-C or SIGTERM sets. Another one has its usual effect."""
    stop = Event()
    signals = (signal.SIGINT, signal.SIGTERM)
    previous = {each: signal.getsignal(each) for each in signals}

    def restore() -> None:
        for each in signals:
            signal.signal(each, previous[each])

    def handle(*_: Any) -> None:
        stop.set()
        restore()

    for each in signals:
        signal.signal(each, handle)
    try:
        yield stop
    finally:
        restore()


if __name__ == "__main__":
    sys.exit(exit_status(run_command))
