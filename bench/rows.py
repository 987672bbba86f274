"""The rows of both tables, for the terminal and for the page: names and figures as text."""

from collections.abc import Callable

from bench.transport.result import FaultPair, FaultResult, LoadResult, Run

STOCK = "stock Celery"
FIFO = "this transport"

Row = tuple[str, str, str]


def load_rows(run: Run) -> list[Row]:
    """Ratios and counts first; what depends on the machine last."""
    rows = [
        _row("SQS calls per event", run, lambda load: f"{load.calls_per_event:.2f}"),
        *(_calls_row(action, run) for action in sorted({*run.stock.calls, *run.fifo.calls})),
        _row("events out of order (last step)", run, lambda load: str(load.order.inversions)),
        _row(
            "events begun before an earlier one of their group had taken effect",
            run,
            lambda load: str(load.order.begun_early),
        ),
        _row(
            "steps begun while another of their group was running",
            run,
            lambda load: str(load.order.together),
        ),
        _row("events that took effect", run, lambda load: f"{load.done} of {load.sent}"),
    ]
    if run.stock.events_per_second:
        ratio = run.fifo.events_per_second / run.stock.events_per_second
        rows.append(("throughput, as a multiple of stock Celery's", "1", f"{ratio:.1f}"))
    rows.append(
        _row("events per second, in this run", run, lambda load: f"{load.events_per_second:.0f}")
    )
    return rows


def fault_rows(pair: FaultPair) -> list[Row]:
    """What a fault did to the worker, to the events and to their order."""
    texts = {
        "worker": _worker,
        "receives again": _receives,
        "events": _events,
        "order": _order,
    }
    return [(name, text(pair.stock), text(pair.fifo)) for name, text in texts.items()]


def _worker(result: FaultResult) -> str:
    if result.was_killed:
        return "killed"
    workers = 1 + result.restarts
    said = []
    if result.exits:
        statuses = ", ".join(map(str, sorted(set(result.exits))))
        said.append(f"{len(result.exits)} of {workers} ended by itself, status {statuses}")
    if result.gave_up:
        said.append(f"{result.gave_up} of {workers} logged an unrecoverable error")
    return "; ".join(said) or "went on running"


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


def _calls_row(action: str, run: Run) -> Row:
    def per_event(load: LoadResult) -> str:
        return f"{load.calls.get(action, 0) / load.done:.2f}" if load.done else "-"

    return _row(f"of these, {action}", run, per_event)


def _row(name: str, run: Run, text: Callable[[LoadResult], str]) -> Row:
    return name, text(run.stock), text(run.fifo)
