"""`python -m bench.transport` compares stock Celery with this transport on the model of SQS.

BENCH_EVENTS (3000) is the number of events of the load.
"""

import sys
from collections import Counter

from rich.console import Console

from bench.common.journal import done, order_of, seconds
from bench.common.subjects import (
    FIFO,
    STOCK,
    Site,
    Subject,
    Transport,
    make_events,
    running_site,
)
from bench.transport.faults import FAULTS, GROUPS, MAX_RESTARTS, STEP_SECONDS, run_fault
from bench.transport.page import BENCHMARK
from bench.transport.result import FaultPair, LoadResult, Transports
from embedded.commands import number_setting

_GROUPS = 100
_CONCURRENCY = 2
_EVENTS = 3_000
_LOAD_SECONDS = 75.0
# Not counted, because the benchmark itself calls it to watch the queue. A worker calls it only when
# it starts.
_NOT_COUNTED = "GetQueueAttributes"


def measure(console: Console) -> Transports:
    """Run the load, then each fault, with both subjects. Raises ProcessError or CommandError."""
    events = number_setting("BENCH_EVENTS", default=_EVENTS, minimum=_GROUPS, multiple_of=_GROUPS)
    with running_site(concurrency=_CONCURRENCY) as site:
        console.print(f"{events} events through each transport")
        stock, fifo = (_run_load(one, site=site, events=events) for one in (STOCK, FIFO))
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


def _run_load(transport: Transport, *, site: Site, events: int) -> LoadResult:
    """Fill a queue, start a worker, and wait until the queue is empty or the time is up."""
    subject = Subject(transport, site=site)
    sent = make_events(groups=_GROUPS, numbers=range(events // _GROUPS), seconds=0)
    subject.send(sent)
    site.server.reset_calls()
    subject.start_worker()
    subject.wait_until_ready()
    subject.wait_until_left(0, max_seconds=_LOAD_SECONDS)
    calls = Counter(
        call.action
        for call in site.server.calls()
        if call.queue == subject.queue and call.action != _NOT_COUNTED
    )
    subject.kill_worker()
    lines = subject.journal()
    return LoadResult(
        sent=len(sent),
        done=len(done(lines)),
        seconds=seconds(lines),
        calls=dict(sorted(calls.items())),
        order=order_of(lines),
    )


if __name__ == "__main__":
    sys.exit(BENCHMARK.main(measure))
