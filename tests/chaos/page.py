"""Renders a result: tables for the terminal, and a page. Every figure comes from the runs."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from bench.common.tables import Table, in_rows, wrapped
from testbed.traffic.effects import MAX_SECONDS_APART
from tests.chaos.meanwhile import MAX_WAIT_SECONDS
from tests.chaos.recovery import MAX_RECOVERY_SECONDS
from tests.chaos.result import ChaosResult, ChaosRun

_ALONE = "Each fault happened alone, the longest first and the others in the order of the seed."
_AT_A_TIME = (
    "Up to {lanes} faults happened at a time, in the order of the seed, so that slow recoveries, "
    "waits and lags were not counted."
)


class _Row(NamedTuple):
    """A fault in all runs. Each figure is the worst of all runs, or None if no run has it."""

    fault: str
    times: int
    highest: int
    recovery: float | None
    wait: float | None
    drain: float | None


def render(*, result: ChaosResult) -> str:
    """Return the page in Markdown."""
    first, lanes = result.runs[0], max(run.lanes for run in result.runs)
    return wrapped(
        Path(__file__)
        .with_name("page.md")
        .read_text()
        .format(
            result=result,
            run=first,
            commit=result.commit or "unknown",
            drains=", ".join(f"{run.drain_seconds:.1f}" for run in result.runs),
            seeds=", ".join(str(run.seed) for run in result.runs),
            order=_ALONE if lanes == 1 else _AT_A_TIME.format(lanes=lanes),
            apart=MAX_SECONDS_APART * 1_000,
            max_recovery=MAX_RECOVERY_SECONDS,
            max_wait=MAX_WAIT_SECONDS,
            **tables(result),
        )
    )


def tables(result: ChaosResult) -> dict[str, Table]:
    """Return the tables of the faults, the latencies, the kinds of events and the summary."""
    return {
        "faults": in_rows(
            _fault_rows(result.runs),
            {
                "Fault": lambda row: row.fault,
                "times": lambda row: str(row.times or ""),
                "highest backlog": lambda row: f"{row.highest:,}",
                "first new event after": lambda row: _seconds(row.recovery, "none was sent"),
                "other events took": lambda row: _seconds(row.wait, ""),
                "drained after": lambda row: _seconds(row.drain, "not before the end"),
            },
        ),
        "latencies": in_rows(
            [
                (f"{name}, seed {run.seed}", latency)
                for run in result.runs
                for name, latency in (("no fault", run.quiet), ("overall", run.overall))
            ],
            {
                "": lambda row: row[0],
                "events": lambda row: f"{row[1].events:,}",
                "p50": lambda row: f"{row[1].p50:,.0f} ms",
                "p99": lambda row: f"{row[1].p99:,.0f} ms",
            },
        ),
        "kinds": _by_seed(result.runs, lambda run: run.kinds),
        "summary": _by_seed(result.runs, _counts),
    }


def _by_seed(runs: Sequence[ChaosRun], counts: Callable[[ChaosRun], Mapping[str, int]]) -> Table:
    """Return a table with a column for each seed and, for several, one with the sums."""
    columns = [counts(run) for run in runs]
    names = list(dict.fromkeys(name for column in columns for name in column))
    sums = {name: sum(column.get(name, 0) for column in columns) for name in names}
    heads = [f"seed {run.seed}" for run in runs]
    if len(runs) > 1:
        columns, heads = [*columns, sums], [*heads, "together"]
    rows = [[name, *(f"{column.get(name, 0):,}" for column in columns)] for name in names]
    return Table(head=("", *heads), rows=rows)


def _counts(run: ChaosRun) -> dict[str, int]:
    return {
        "events": run.events,
        "kills": sum(run.kills.values()),
        **{f"- of a {kind}": count for kind, count in sorted(run.kills.items())},
        "processes terminated (SIGTERM)": run.terminations,
        "deadlocks that PostgreSQL ended": run.deadlocks,
        "failed starts, which were repeated": run.failed_starts,
        "ready processes that ended by themselves": run.unexpected_exits,
        **{
            kind.replace("_", " "): count
            for kind, count in (*run.standstills.items(), *run.defects.items())
        },
    }


def _fault_rows(runs: Sequence[ChaosRun]) -> Iterator[_Row]:
    """Yield the faults in the order of the first run."""
    for fault in (drain.fault for drain in runs[0].drains):
        drains = [one for run in runs for one in run.drains if one.fault == fault]
        recoveries = [one for run in runs for one in run.recoveries if one.fault == fault]
        waits = [one for run in runs for one in run.waits if one.fault == fault]
        yield _Row(
            fault=fault,
            times=sum(run.faults.get(fault, 0) for run in runs),
            highest=max(drain.highest for drain in drains),
            recovery=_longest(one.seconds for one in recoveries),
            wait=_longest(one.seconds for one in waits),
            drain=None
            if any(one.seconds is None for one in drains)
            else _longest(one.seconds for one in drains),
        )


def _longest(seconds: Iterable[float | None]) -> float | None:
    return max((one for one in seconds if one is not None), default=None)


def _seconds(seconds: float | None, otherwise: str) -> str:
    return otherwise if seconds is None else f"{seconds:.1f} s"
