"""The page about the growth curves."""

from collections.abc import Sequence
from pathlib import Path

from bench.common.benchmark import Benchmark
from bench.common.goals import Goal
from bench.common.tables import Table, chart, in_rows
from bench.growth.curves import CURVES
from bench.growth.result import Growth, Point

_MILLION = 1_000_000
# The memory at the end may be this multiple of the memory after a tenth of the events. The margin
# is for noise.
_FLAT = 1.05


def _parts(growth: Growth) -> dict[str, Table | str]:
    tables: dict[str, Table | str] = {}
    sections = []
    for name, curve in CURVES.items():
        if run := growth.curves.get(name):
            tables[name] = in_rows(
                run.result,
                {curve.first: lambda one: f"{one.at:,.0f}", **curve.figures},
                title=curve.title,
            )
            sections += [
                f"## {curve.title}",
                curve.explanation,
                str(tables[name]),
                run.header.short_sentence(),
            ]
            if curve.across:
                values = {f"{one.at:,.0f}": curve.value(one) for one in run.result}
                title = f"{curve.chart}, by {curve.across}"
                sections.append(chart(title=title, across=curve.across, values=values))
    return {**tables, "sections": "\n\n".join(sections)}


def _goals(growth: Growth) -> Sequence[Goal]:
    """Return the goals for the longest backlog, if it was measured."""
    backlog = growth.curves.get("backlog")
    points = [one for one in backlog.result if isinstance(one, Point)] if backlog else []
    longest = max(points, key=lambda one: one.at, default=None)
    if not longest or longest.at < _MILLION:
        return []
    return [
        Goal(
            name="events of one backlog done by one worker, in the time that the benchmark takes",
            wanted=_MILLION,
            at_least=True,
            measured=longest.events,
        ),
        Goal(
            name=f"memory at the end of {longest.events:,} events, as a share of that after a "
            "tenth",
            wanted=_FLAT,
            measured=longest.end_rss_mb / longest.settled_rss_mb,
        ),
        Goal(
            name=f"messages stored out of order in {longest.events:,} events",
            wanted=0,
            measured=longest.inversions,
        ),
    ]


BENCHMARK = Benchmark(
    name="growth",
    command="make bench-growth",
    result=Growth,
    template=Path(__file__).with_name("page.md"),
    parts=_parts,
    goals=_goals,
)
