"""`python -m bench.transport`: stock Celery and this transport, in one run on one model server.

BENCH_EVENTS (3000) is the number of events of the load.
"""

import sys

from rich.console import Console

from bench.common.command import count_setting
from bench.common.subjects import FIFO, STOCK, Kind, Subject, running_place
from bench.transport.fault_run import GROUPS, MAX_RESTARTS, STEP_SECONDS, run_fault
from bench.transport.faults import FAULTS
from bench.transport.load import run_load
from bench.transport.page import BENCHMARK
from bench.transport.result import FaultPair, LoadResult, Transports

_GROUPS = 100
_CONCURRENCY = 2
_EVENTS = 3_000
_LOAD_SECONDS = 75.0


def measure(console: Console) -> Transports:
    """Run the load with each, then each fault with both. Raise ProcessError or BadSetting."""
    events = count_setting(name="BENCH_EVENTS", default=_EVENTS, multiple_of=_GROUPS)
    with running_place(concurrency=_CONCURRENCY) as place:

        def load(kind: Kind) -> LoadResult:
            console.print(f"{events} events through {kind.title}")
            subject = Subject(kind, place=place)
            return run_load(
                subject=subject,
                server=place.server,
                events=events,
                groups=_GROUPS,
                most_seconds=_LOAD_SECONDS,
            )

        stock, fifo = load(STOCK), load(FIFO)
        faults = []
        for fault in FAULTS:
            console.print(f"Both, and {fault.name}")
            subjects = Subject(STOCK, place=place), Subject(FIFO, place=place)
            of_stock, of_fifo = run_fault(fault=fault, subjects=subjects, server=place.server)
            faults.append(FaultPair(fault=fault.name, stock=of_stock, fifo=of_fifo))
    return Transports(
        groups=_GROUPS,
        concurrency=_CONCURRENCY,
        fault_groups=GROUPS,
        fault_step_milliseconds=round(STEP_SECONDS * 1000),
        most_restarts=MAX_RESTARTS,
        stock=stock,
        fifo=fifo,
        faults=faults,
    )


if __name__ == "__main__":
    sys.exit(BENCHMARK.main(measure))
