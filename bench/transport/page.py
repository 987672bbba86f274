"""The page about both transports: the load and the faults."""

from collections.abc import Callable
from pathlib import Path

from bench.common.benchmark import Benchmark
from bench.common.subjects import FIFO, STOCK
from bench.common.tables import Figures, Table, in_columns
from bench.transport.result import FaultResult, LoadResult, Transports


def _parts(run: Transports) -> dict[str, Table | str]:
    loads = {STOCK.title: run.stock, FIFO.title: run.fifo}
    title = f"{run.stock.sent} events of {run.groups} groups"
    faults = {
        pair.fault: in_columns(
            {STOCK.title: pair.stock, FIFO.title: pair.fifo},
            _FAULT_FIGURES,
            title=f"{pair.fault[:1].upper()}{pair.fault[1:]}",
        )
        for pair in run.faults
    }
    return {
        "load": in_columns(loads, _load_figures(run), title=title),
        **faults,
        "faults": "\n\n".join(f"### {table.title}\n\n{table}" for table in faults.values()),
    }


def _load_figures(run: Transports) -> Figures[LoadResult]:
    """Return the figures. Those that depend on the machine come last, after ratios and counts."""

    def calls(action: str) -> Callable[[LoadResult], str]:
        return lambda load: f"{load.calls.get(action, 0) / load.done:.2f}" if load.done else "-"

    def multiple(load: LoadResult) -> str:
        ratio = load.events_per_second / run.stock.events_per_second
        return "1" if load is run.stock else f"{ratio:.1f}"

    actions = sorted({*run.stock.calls, *run.fifo.calls})
    return {
        "SQS calls per event": lambda load: f"{load.calls_per_event:.2f}",
        **{f"of these, {action}": calls(action) for action in actions},
        "events out of order (last step)": lambda load: str(load.order.inversions),
        "events begun before an earlier one of their group had taken effect": (
            lambda load: str(load.order.begun_early)
        ),
        "steps begun while another of their group was running": (
            lambda load: str(load.order.together)
        ),
        "events that took effect": lambda load: f"{load.done} of {load.sent}",
        **(
            {"throughput, as a multiple of stock Celery's": multiple}
            if run.stock.events_per_second
            else {}
        ),
        "events per second, in this run": lambda load: f"{load.events_per_second:.0f}",
    }


def _worker(result: FaultResult) -> str:
    if result.was_killed:
        return "killed"
    workers = 1 + result.restarts
    parts = []
    if result.exits:
        statuses = ", ".join(map(str, sorted(set(result.exits))))
        parts.append(f"{len(result.exits)} of {workers} ended by itself, status {statuses}")
    if result.gave_up:
        parts.append(f"{result.gave_up} of {workers} logged an unrecoverable error")
    return "; ".join(parts) or "went on running"


def _receives(result: FaultResult) -> str:
    started = f"{result.restarts} new worker{'' if result.restarts == 1 else 's'} started"
    if result.was_killed:
        return started
    if result.restarts:
        return f"{'yes' if result.receives_again else 'no'}; {started}"
    return "yes" if result.receives_again else "no"


def _events(result: FaultResult) -> str:
    parts = [f"{result.done} of {result.sent} took effect", f"{result.lost} lost"]
    if result.left:
        parts.append(f"{result.left} messages still on the queue")
    if result.dead_letters:
        parts.append(f"{result.dead_letters} in the dead-letter queue")
    if result.repeated:
        parts.append(f"{result.repeated} steps repeated")
    return ", ".join(parts)


def _order(result: FaultResult) -> str:
    order = result.order
    if not (order.inversions or order.begun_early or order.together):
        return "kept"
    return (
        f"{order.inversions} out of order, {order.begun_early} begun early, "
        f"{order.together} together"
    )


_FAULT_FIGURES: Figures[FaultResult] = {
    "worker": _worker,
    "receives again": _receives,
    "events": _events,
    "order": _order,
}
BENCHMARK = Benchmark(
    name="stock-celery",
    command="make bench-transport",
    result=Transports,
    template=Path(__file__).with_name("page.md"),
    parts=_parts,
)
