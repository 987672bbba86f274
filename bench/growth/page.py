"""The page about the growth curves."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.common.benchmark import Benchmark
from bench.common.costs import COST_FIGURES
from bench.common.goals import Goal
from bench.common.run import Run
from bench.common.svg import line_chart
from bench.common.tables import Figures, Table, in_rows
from bench.growth.result import ClosingPoint, Growth, Point

_MILLION = 1_000_000
# The memory at the end, as a ratio to that after a tenth of the events: the rest is noise.
_FLAT = 1.05
_POINT_FIGURES: Figures[Point] = {
    **COST_FIGURES,
    "memory after a tenth, MB": lambda one: f"{one.settled_rss_mb:,.0f}",
    "at the end, MB": lambda one: f"{one.end_rss_mb:,.0f}",
}
_CLOSING_FIGURES: Figures[ClosingPoint] = {
    "seconds": lambda one: f"{one.seconds:.2f}",
    "DynamoDB calls": lambda one: f"{one.dynamodb_calls:,}",
    "write units": lambda one: f"{one.write_units:,}",
    "read units": lambda one: f"{one.read_units:,.0f}",
    "SQL statements": lambda one: f"{one.sql:,}",
    "memory before, MB": lambda one: f"{one.settled_rss_mb:,.0f}",
    "most memory, MB": lambda one: f"{one.peak_rss_mb:,.0f}",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Section:
    """A section of the page. The chart is the CPU per event, unless another value is given."""

    title: str
    explanation: str
    first: str
    figures: Figures[Any] = field(default_factory=lambda: _POINT_FIGURES)
    across: str = ""
    chart: str = "CPU per event in milliseconds"
    value: Callable[[Any], float] = lambda point: float(point.cpu_ms_per_event)

    @property
    def chart_title(self) -> str:
        """The chart's title."""
        return f"{self.chart}, by {self.across}"


# By the name of the curve. A section without `across` has no chart.
_SECTIONS = {
    "processes": _Section(
        title="Pool processes",
        explanation="The number of processes that run the steps (`--concurrency`).",
        first="processes",
        across="pool processes",
        chart="Events per second",
        value=lambda point: float(point.events_per_second),
    ),
    "bundle": _Section(
        title="Batches",
        explanation="The largest number of events of one pool task (`WORKER_BATCH_SIZE`).",
        first="largest batch",
        across="the largest batch",
    ),
    "groups": _Section(
        title="Message groups",
        explanation="Each group is a contact without a conversation; its first message opens one.",
        first="groups",
        across="message groups",
    ),
    "backlog": _Section(
        title="Backlog",
        explanation="The number of events on the queue before the worker may begin.",
        first="backlog",
        across="events on the queue",
    ),
    "message_bytes": _Section(
        title="Size of a message",
        explanation="The bytes of an event's body, up to SQS's former limit.",
        first="bytes",
        across="bytes of a message",
    ),
    "answers_in_a_hundred": _Section(
        title="Survey answers",
        explanation="The number of survey answers in a hundred events. Each answer is its own "
        "batch and transaction.",
        first="answers",
    ),
    "conversation": _Section(
        title="Closing a long conversation",
        explanation="The time from the receive to the delete of the event that closes the "
        "conversation. By then, all messages are in the archive and deleted from DynamoDB.",
        first="messages",
        figures=_CLOSING_FIGURES,
        across="messages of the conversation",
        chart="Milliseconds that closing takes for each message",
        value=lambda point: float(point.seconds / point.at * 1_000),
    ),
}


def _measured(growth: Growth) -> Iterator[tuple[str, _Section, Run[Any]]]:
    for name, section in _SECTIONS.items():
        if name in growth.curves:
            yield name, section, growth.curves[name]


def _tables(growth: Growth) -> dict[str, Table]:
    return {
        name: in_rows(
            curve.result,
            {section.first: lambda one: f"{one.at:,.0f}", **section.figures},
            title=section.title,
        )
        for name, section, curve in _measured(growth)
    }


def _facts(growth: Growth) -> dict[str, str]:
    tables = _tables(growth)
    parts = []
    for name, section, curve in _measured(growth):
        parts += [
            f"## {section.title}",
            section.explanation,
            str(tables[name]),
            curve.header.short_sentence(),
        ]
        if section.across:
            parts.append(f"![{section.chart_title}](charts/{_file(name)})")
    return {"sections": "\n\n".join(parts)}


def _charts(growth: Growth) -> dict[str, str]:
    return {
        _file(name): line_chart(
            title=section.chart_title,
            across=section.across,
            points=[(one.at, section.value(one)) for one in curve.result],
        )
        for name, section, curve in _measured(growth)
        if section.across
    }


def _file(name: str) -> str:
    return f"bench-growth-{name.replace('_', '-')}.svg"


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
    tables=_tables,
    facts=_facts,
    goals=_goals,
    charts=_charts,
)
