"""The tables of a run, for the terminal and for the page."""

from collections.abc import Iterable, Sequence

from bench.common.tables import Table
from tests.chaos.result import ChaosRun


def tables(run: ChaosRun) -> dict[str, Table]:
    """Return the tables of faults, latencies and the summary."""
    return {
        "faults": Table(
            head=("Fault", "times", "backlog before", "highest", "back after"),
            rows=list(_fault_rows(run)),
        ),
        "latencies": Table(head=("", "events", "p50", "p99"), rows=list(_latency_rows(run))),
        "summary": Table(head=("", ""), rows=list(_summary_rows(run))),
    }


def _summary_rows(run: ChaosRun) -> Iterable[Sequence[str]]:
    yield ["events", f"{run.events:,}"]
    yield ["kills", f"{sum(run.kills.values()):,}"]
    for kind, count in sorted(run.kills.items()):
        yield [f"- of a {kind}", f"{count:,}"]
    yield ["workers terminated (SIGTERM)", f"{run.terminations:,}"]
    yield ["deadlocks that PostgreSQL ended", f"{run.deadlocks:,}"]
    yield ["failed starts, which were repeated", f"{run.failed_starts:,}"]
    yield ["ready processes that ended by themselves", str(run.unexpected_exits)]
    for kind, count in run.defects.items():
        yield [kind.replace("_", " "), str(count)]


def _fault_rows(run: ChaosRun) -> Iterable[Sequence[str]]:
    for drain in run.drains:
        seconds = "not before the end" if drain.seconds is None else f"{drain.seconds:.1f} s"
        yield [
            drain.fault,
            str(run.faults.get(drain.fault, "")),
            f"{drain.before:,.0f}",
            f"{drain.highest:,}",
            seconds,
        ]


def _latency_rows(run: ChaosRun) -> Iterable[Sequence[str]]:
    for name, latency in (("no fault", run.quiet), ("overall", run.overall)):
        yield [name, f"{latency.events:,}", f"{latency.p50:,.0f} ms", f"{latency.p99:,.0f} ms"]
