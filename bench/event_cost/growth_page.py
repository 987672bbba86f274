"""The page's part about the growth curves."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from bench.common.markdown import table
from bench.common.svg import line_chart
from bench.event_cost.growth_result import Curve, Growth
from bench.growth_rows import CLOSING_HEAD, HEAD, closing_rows, point_rows

_HEAD = """\
## Growth

Made by `{command}`: this service alone, under backlog, with one thing growing at a time. Calls,
units and statements are for one event, and memory is the sum of the resident memory of the worker's
processes. A load is stopped after {most_seconds:,.0f} seconds if events are left by then.
"""
_SECTION = """\
### {title}

{explanation}

{table}

{circumstances}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chart:
    """What a chart shows of each point."""

    title: str
    across: str
    value: Callable[[Any], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Section:
    """What the page says of the curve of that name."""

    curve: str
    title: str
    explanation: str
    head: Sequence[str]
    rows: Callable[[Sequence[Any]], list[list[str]]] = point_rows
    chart: _Chart | None = None

    @property
    def chart_file(self) -> str:
        """Beside the page, in its folder of charts."""
        return f"bench-growth-{self.curve.replace('_', '-')}.svg"


def _cpu(across: str) -> _Chart:
    return _Chart(
        title=f"CPU per event in milliseconds, by {across}",
        across=across,
        value=lambda point: float(point.cpu_ms_per_event),
    )


_SECTIONS = (
    _Section(
        curve="processes",
        title="Pool processes",
        explanation="Processes that run the steps (`--concurrency`).",
        head=("processes", *HEAD),
        chart=_Chart(
            title="Events per second, by pool processes",
            across="pool processes",
            value=lambda point: float(point.events_per_second),
        ),
    ),
    _Section(
        curve="bundle",
        title="Bundles",
        explanation="The most events that a pool process gets at once (`WORKER_BUNDLE`).",
        head=("most events", *HEAD),
        chart=_cpu("the most events of a bundle"),
    ),
    _Section(
        curve="groups",
        title="Message groups",
        explanation="Each group is a contact without a conversation: its first message opens one.",
        head=("groups", *HEAD),
        chart=_cpu("message groups"),
    ),
    _Section(
        curve="backlog",
        title="Backlog",
        explanation="Events on the queue before the worker may begin.",
        head=("backlog", *HEAD),
        chart=_cpu("events on the queue"),
    ),
    _Section(
        curve="message_bytes",
        title="Size of a message",
        explanation="Bytes of an event's body, up to SQS's former limit.",
        head=("bytes", *HEAD),
        chart=_cpu("bytes of a message"),
    ),
    _Section(
        curve="answers_in_a_hundred",
        title="Survey answers",
        explanation="Of a hundred events, so many are survey answers. Each is a bundle and a "
        "transaction of its\nown.",
        head=("answers", *HEAD),
    ),
    _Section(
        curve="conversation",
        title="Closing a long conversation",
        explanation="From the receive of the event that closes it to the delete of that event: all "
        "messages are in the\narchive and gone from DynamoDB by then.",
        head=CLOSING_HEAD,
        rows=closing_rows,
        chart=_Chart(
            title="Milliseconds that closing takes for each message of the conversation",
            across="messages of the conversation",
            value=lambda point: float(point.seconds / point.at * 1_000),
        ),
    ),
)


def growth_part(growth: Growth) -> str:
    """The part in Markdown, with a section for each curve that was measured."""
    parts = [_HEAD.format(command=growth.command, most_seconds=growth.most_seconds)]
    for section, curve in _measured(growth):
        parts.append(
            _SECTION.format(
                title=section.title,
                explanation=section.explanation,
                table=table(section.head, section.rows(curve.points)),
                circumstances=curve.machine.short_sentence(commit=curve.commit),
            )
        )
        if section.chart:
            parts.append(f"![{section.chart.title}](charts/{section.chart_file})\n")
    return "\n".join(parts)


def growth_charts(growth: Growth) -> dict[str, str]:
    """The charts of the part, by file name."""
    return {
        section.chart_file: line_chart(
            title=section.chart.title,
            across=section.chart.across,
            points=[(one.at, section.chart.value(one)) for one in curve.points],
        )
        for section, curve in _measured(growth)
        if section.chart
    }


def _measured(growth: Growth) -> Iterator[tuple[_Section, Curve[Any]]]:
    for section in _SECTIONS:
        if curve := getattr(growth, section.curve):
            yield section, curve
