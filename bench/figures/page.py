"""The page about the time that the figures of `apps.analytics.figures` take."""

from pathlib import Path

from bench.common.benchmark import Benchmark
from bench.common.tables import Table, in_rows
from bench.figures.result import FigureTimes

MAX_MILLISECONDS = 300


def _parts(run: FigureTimes) -> dict[str, Table | str]:
    slow = [one for one in run.measurements if one.has_rollups and one.median > MAX_MILLISECONDS]
    lines = [f"- {one.scope}: {one.median:.0f} ms" for one in slow]
    return {
        "goal": str(MAX_MILLISECONDS),
        "verdict": (
            "\n".join(["These medians are above it:", "", *lines])
            if slow
            else "No median is above it."
        ),
        "times": in_rows(
            run.measurements,
            {
                "Scope": lambda one: one.scope,
                "Read from": lambda one: "rollups" if one.has_rollups else "rows",
                "Counted": lambda one: f"{one.counted:,}",
                "Median ms": lambda one: f"{one.median:.0f}",
                "Slowest ms": lambda one: f"{max(one.milliseconds):.0f}",
                "Read by": lambda one: ", ".join(one.scans),
            },
            title=f"{run.conversations:,} conversations",
        ),
        "indexes": in_rows(
            run.indexes,
            {
                "Index": lambda one: f"`{one.name}`",
                "Table": lambda one: f"`{one.table}`",
                "Size": lambda one: f"{one.megabytes:.0f} MB",
            },
        ),
    }


BENCHMARK = Benchmark(
    name="figures",
    command="make bench-figures",
    result=FigureTimes,
    template=Path(__file__).with_name("page.md"),
    parts=_parts,
)
