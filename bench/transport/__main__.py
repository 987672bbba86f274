"""`python -m bench.transport`: stock Celery and this transport, in one run on one model server.

Writes bench/transport.json and docs/stock-celery.md. BENCH_EVENTS is the number of events.
"""

import os
import platform
import sys
from importlib.metadata import version
from pathlib import Path

from rich.console import Console

from bench.common.command import count_setting, exit_status
from bench.common.faults import FAULTS, Fault
from bench.common.revision import revision
from bench.common.subjects import PROJECT_ROOT, Fifo, Stock, Subject
from bench.table import print_run
from bench.transport.fault_run import GROUPS, MOST_RESTARTS, STEP_SECONDS, run_fault
from bench.transport.load import run_load
from bench.transport.page import render
from bench.transport.result import FaultPair, LoadResult, Run
from embedded.processes import Supervisor, supervisor
from testbed.sqs import SqsServer, running_sqs_server

COMMAND = "make bench-transport"
RESULT = PROJECT_ROOT / "bench" / "transport.json"
PAGE = PROJECT_ROOT / "docs" / "stock-celery.md"
_GROUPS = 100
_CONCURRENCY = 2
_EVENTS = 3_000
_LOAD_SECONDS = 75.0


def main(console: Console) -> None:
    """Measure, print and write. Raises ProcessError or BadSetting."""
    events = count_setting(name="BENCH_EVENTS", default=_EVENTS, multiple_of=_GROUPS)
    run = _measure(events=events, console=console)
    print_run(console=console, run=run)
    RESULT.write_text(run.as_json())
    PAGE.write_text(render(run=run))


class _Bench:
    """Makes subjects on one server, with queues and processes of this run."""

    def __init__(self, *, server: SqsServer, processes: Supervisor, directory: Path) -> None:
        self._server = server
        self._processes = processes
        self._directory = directory

    def load(self, kind: type[Subject], *, events: int) -> LoadResult:
        """The load phase of one subject."""
        return run_load(
            subject=self._make(kind),
            server=self._server,
            events=events,
            groups=_GROUPS,
            most_seconds=_LOAD_SECONDS,
        )

    def fault(self, fault: Fault) -> FaultPair:
        """One fault for both."""
        stock, fifo = run_fault(
            fault=fault, stock=self._make(Stock), fifo=self._make(Fifo), server=self._server
        )
        return FaultPair(fault=fault.name, stock=stock, fifo=fifo)

    def _make(self, kind: type[Subject]) -> Subject:
        return kind(
            server=self._server,
            processes=self._processes,
            directory=self._directory,
            concurrency=_CONCURRENCY,
        )


def _measure(*, events: int, console: Console) -> Run:
    with running_sqs_server(greedy=True) as server, supervisor() as processes:
        bench = _Bench(
            server=server, processes=processes, directory=processes.temporary_directory()
        )
        console.print(f"{events} events through stock Celery")
        stock = bench.load(Stock, events=events)
        console.print(f"{events} events through this transport")
        fifo = bench.load(Fifo, events=events)
        faults = []
        for fault in FAULTS:
            console.print(f"Both, and {fault.name}")
            faults.append(bench.fault(fault))
    return Run(
        command=COMMAND,
        commit=revision(),
        cores=os.cpu_count() or 0,
        python=platform.python_version(),
        celery=version("celery"),
        kombu=version("kombu"),
        groups=_GROUPS,
        concurrency=_CONCURRENCY,
        fault_groups=GROUPS,
        fault_step_milliseconds=round(STEP_SECONDS * 1000),
        most_restarts=MOST_RESTARTS,
        stock=stock,
        fifo=fifo,
        faults=faults,
    )


if __name__ == "__main__":
    sys.exit(exit_status(main))
