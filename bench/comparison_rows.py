"""The rows of the comparison's tables, for the terminal and for the page."""

from collections.abc import Callable, Sequence

from bench.event_cost.comparison_result import Comparison, SubjectResult
from bench.event_cost.goals import Goal
from bench.event_cost.paced import Latency

Row = Sequence[str]


def head(comparison: Comparison) -> Row:
    """The titles of the subjects, after an empty cell."""
    return ["", *(subject.title for subject in comparison.subjects.values())]


def backlog_rows(comparison: Comparison) -> list[Row]:
    """What each took of an event, under backlog."""
    subjects = list(comparison.subjects.values())
    figures: dict[str, Callable[[SubjectResult], str]] = {
        "events": lambda one: f"{one.events:,}",
        "events per second": lambda one: f"{one.events_per_second:,.0f}",
        "CPU per event, ms": lambda one: f"{one.cpu_ms_per_event:.2f}",
        "SQS calls per event": lambda one: f"{one.sqs_calls_per_event:.2f}",
        "DynamoDB calls per event": lambda one: f"{one.dynamodb_calls_per_event:.2f}",
        "DynamoDB write units per event": lambda one: f"{one.write_units_per_event:.2f}",
        "SQL statements per event": lambda one: f"{one.sql_per_event:.2f}",
        "messages stored out of order": lambda one: f"{one.inversions:,}",
        "messages stored again": lambda one: f"{one.repeated:,}",
        "most memory held, MB": lambda one: f"{one.peak_rss_mb:,.0f}",
        "AWS calls of a million events, $": lambda one: f"{one.dollars_per_million_events:.2f}",
    }
    return [[name, *map(figure, subjects)] for name, figure in figures.items()]


def call_rows(comparison: Comparison) -> list[Row]:
    """The calls of each by action."""
    subjects = comparison.subjects.values()
    rows: list[Row] = []
    for service in ("sqs", "dynamodb"):
        calls = [getattr(subject, f"{service}_calls_by_action") for subject in subjects]
        rows += [
            [action, *(f"{of_one.get(action, 0):.3f}" for of_one in calls)]
            for action in sorted({action for of_one in calls for action in of_one})
        ]
    return rows


def latency_rows(comparison: Comparison) -> list[Row]:
    """What single events waited, at half load and with no backlog."""
    subjects = list(comparison.subjects.values())
    rows: list[Row] = []
    loads: dict[str, Callable[[SubjectResult], Latency]] = {
        "half load": lambda one: one.half_load,
        "no backlog": lambda one: one.no_backlog,
    }
    for name, load in loads.items():
        of_all = [load(subject) for subject in subjects]
        rows += [
            [f"{name}: events per second", *(f"{one.per_second:,.0f}" for one in of_all)],
            [f"{name}: on the queue, ms, p50", *(f"{one.queued.p50:.1f}" for one in of_all)],
            [f"{name}: on the queue, ms, p99", *(f"{one.queued.p99:.1f}" for one in of_all)],
            [f"{name}: receive to effect, ms, p50", *(f"{one.effect.p50:.1f}" for one in of_all)],
            [f"{name}: receive to effect, ms, p99", *(f"{one.effect.p99:.1f}" for one in of_all)],
        ]
    return rows


def goal_rows(goals: Sequence[Goal]) -> list[Row]:
    """Each goal with what was measured."""
    return [
        [
            goal.name,
            f"{'at least' if goal.at_least else 'at most'} {_short(goal.wanted)}",
            _short(goal.measured),
            "reached" if goal.is_reached else "not reached",
        ]
        for goal in goals
    ]


def _short(value: float) -> str:
    return f"{value:,.3g}" if value < 1_000 else f"{value:,.0f}"
