"""`python -m bench.transport`: stock Celery and this transport on the same model of SQS.

BENCH_EVENTS (3000) is the number of events of the load.
"""

import sys

from rich.console import Console

from bench.common.subjects import FIFO, STOCK, Kind, Subject, running_site
from bench.transport.fault_run import GROUPS, MAX_RESTARTS, STEP_SECONDS, run_fault
from bench.transport.faults import FAULTS
from bench.transport.load import run_load
from bench.transport.page import BENCHMARK
from bench.transport.result import FaultPair, LoadResult, Transports
from embedded.commands import number_setting

_GROUPS = 100
_CONCURRENCY = 2
_EVENTS = 3_000
_LOAD_SECONDS = 75.0


def measure(console: Console) -> Transports:
    """Run the load, then each fault, with both subjects. Raises ProcessError or CommandError."""
    events = number_setting("BENCH_EVENTS", default=_EVENTS, minimum=_GROUPS, multiple_of=_GROUPS)
    with running_site(concurrency=_CONCURRENCY) as site:

        def load(kind: Kind) -> LoadResult:
            console.print(f"{events} events through {kind.title}")
            subject = Subject(kind, site=site)
            return run_load(
                subject=subject,
                server=site.server,
                events=events,
                groups=_GROUPS,
                max_seconds=_LOAD_SECONDS,
            )

        stock, fifo = load(STOCK), load(FIFO)
        faults = []
        for fault in FAULTS:
            console.print(f"Both transports, with the fault: {fault.name}")
            subjects = Subject(STOCK, site=site), Subject(FIFO, site=site)
            of_stock, of_fifo = run_fault(fault=fault, subjects=subjects, server=site.server)
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
