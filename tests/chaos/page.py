"""The tables of a run for the terminal, and its page. Every figure comes from the run."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from bench.common.tables import Table, in_rows, wrapped
from tests.chaos.result import ChaosRun


def render(*, run: ChaosRun) -> str:
    """Return the page in Markdown."""
    kinds = Table(head=("Events", ""), rows=[[kind, f"{n:,}"] for kind, n in run.kinds.items()])
    template = Path(__file__).with_name("page.md").read_text()
    return wrapped(
        template.format(run=run, commit=run.commit or "unknown", kinds=kinds, **tables(run))
    )


def tables(run: ChaosRun) -> dict[str, Table]:
    """Return the tables of faults, latencies and the summary."""
    return {
        "faults": in_rows(
            run.drains,
            {
                "Fault": lambda drain: drain.fault,
                "times": lambda drain: str(run.faults.get(drain.fault, "")),
                "backlog before": lambda drain: f"{drain.before:,.0f}",
                "highest": lambda drain: f"{drain.highest:,}",
                "back after": lambda drain: (
                    "not before the end" if drain.seconds is None else f"{drain.seconds:.1f} s"
                ),
            },
        ),
        "latencies": in_rows(
            (("no fault", run.quiet), ("overall", run.overall)),
            {
                "": lambda row: row[0],
                "events": lambda row: f"{row[1].events:,}",
                "p50": lambda row: f"{row[1].p50:,.0f} ms",
                "p99": lambda row: f"{row[1].p99:,.0f} ms",
            },
        ),
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
