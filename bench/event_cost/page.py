"""The page about the comparison of the subjects."""

from collections.abc import Callable, Mapping
from pathlib import Path

from bench.common.benchmark import Benchmark
from bench.common.costs import COST_FIGURES
from bench.common.goals import Goal
from bench.common.tables import Figures, Table, chart, in_columns, in_rows
from bench.event_cost.result import Comparison, SubjectResult

_LATENCY: Figures[SubjectResult] = {
    "events per second": lambda one: f"{one.half_load.per_second:,.0f}",
    "on the queue, ms, p50": lambda one: f"{one.half_load.queued.p50:.1f}",
    "on the queue, ms, p99": lambda one: f"{one.half_load.queued.p99:.1f}",
    "receive to effect, ms, p50": lambda one: f"{one.half_load.effect.p50:.1f}",
    "receive to effect, ms, p99": lambda one: f"{one.half_load.effect.p99:.1f}",
}

_BACKLOG: Figures[SubjectResult] = {
    **COST_FIGURES,
    "messages stored again": lambda one: f"{one.repeated:,}",
    "most memory held, MB": lambda one: f"{one.peak_rss_mb:,.0f}",
    "AWS calls of a million events, $": lambda one: f"{one.dollars_per_million_events:.2f}",
}


def _parts(run: Comparison) -> dict[str, Table | str]:
    subjects = {subject.title: subject for subject in run.subjects.values()}
    calls = {
        **_calls(run, lambda one: one.sqs_calls_by_action),
        **_calls(run, lambda one: one.dynamodb_calls_by_action),
    }
    return {
        "backlog": in_columns(subjects, _BACKLOG, title="Under backlog"),
        "throughput": chart(
            title="Events per second, under backlog",
            values={title: one.events_per_second for title, one in subjects.items()},
        ),
        "cpu": chart(
            title="CPU per event in milliseconds, under backlog",
            values={title: one.cpu_ms_per_event for title, one in subjects.items()},
        ),
        "calls": in_columns(subjects, calls, title="Calls of an event"),
        "sources": "\n".join(f"- <{source}>" for source in run.prices.sources),
        "steady": _steady(run),
        "cost": chart(
            title="AWS calls of a million events in dollars, by events per second",
            values={
                rate: one.dollars_per_million_events
                for rate, one in run.subjects["service"].steady.items()
            },
            across="events per second",
        ),
        "latency": in_columns(subjects, _LATENCY, title="Half load"),
    }


def _calls(
    run: Comparison, calls: Callable[[SubjectResult], Mapping[str, float]]
) -> Figures[SubjectResult]:
    def text(action: str) -> Callable[[SubjectResult], str]:
        return lambda one: f"{calls(one).get(action, 0):.3f}"

    actions = {action for subject in run.subjects.values() for action in calls(subject)}
    return {action: text(action) for action in sorted(actions)}


def _steady(run: Comparison) -> Table:
    """Return a table with a row for each rate and subject."""
    rows = [
        (rate, subject.title, subject.steady[rate])
        for rate in run.subjects["service"].steady
        for subject in run.subjects.values()
        if rate in subject.steady
    ]
    return in_rows(
        rows,
        {
            "events per second": lambda row: row[0],
            "subject": lambda row: row[1],
            "SQS calls": lambda row: f"{row[2].sqs_calls_per_event:.2f}",
            "SQL": lambda row: f"{row[2].sql_per_event:.2f}",
            "DynamoDB calls": lambda row: f"{row[2].dynamodb_calls_per_event:.2f}",
            "CPU, ms": lambda row: f"{row[2].cpu_ms_per_event:.2f}",
            "$": lambda row: f"{row[2].dollars_per_million_events:.2f}",
            "$ with sends": lambda row: f"{row[2].dollars_with_sends:.2f}",
            "p50, ms": lambda row: f"{row[2].latency.total.p50:.0f}",
            "p99, ms": lambda row: f"{row[2].latency.total.p99:.0f}",
        },
        title="At a steady rate",
    )


def _goals(run: Comparison) -> list[Goal]:
    service, eager, stock, floor = (
        run.subjects[name] for name in ("service", "eager", "stock", "floor")
    )
    # A rate that users have.
    at_50, floor_at_50 = service.steady["50"], floor.steady["50"]
    cpu = service.cpu_ms_per_event / floor.cpu_ms_per_event
    latency = eager.steady["10"].latency.effect.p50 / floor.steady["10"].latency.effect.p50
    throughput = service.events_per_second / stock.events_per_second
    sqs, sql = service.sqs_calls_per_event, service.sql_per_event
    dynamodb = service.dynamodb_calls_per_event
    return [
        Goal(name="SQS calls per event, under backlog", wanted=0.21, measured=sqs),
        Goal(name="SQL statements per event, under backlog", wanted=0.15, measured=sql),
        Goal(name="DynamoDB calls per event, under backlog", wanted=0.12, measured=dynamodb),
        Goal(name="CPU per event, as a share of the bare loop's", wanted=1.0, measured=cpu),
        Goal(name="messages stored out of order", wanted=0, measured=service.inversions),
        Goal(
            name="median from receive to effect without gathering, at 10 events a second, as a "
            "multiple of the bare loop's",
            wanted=2.0,
            measured=latency,
        ),
        Goal(
            name="SQS calls per event, at 50 events a second",
            wanted=0.30,
            measured=at_50.sqs_calls_per_event,
        ),
        Goal(
            name="CPU per event at 50 events a second, as a share of the bare loop's",
            wanted=1.0,
            measured=at_50.cpu_ms_per_event / floor_at_50.cpu_ms_per_event,
        ),
        Goal(
            name="median from send to effect at 50 events a second, in milliseconds",
            wanted=300.0,
            measured=at_50.latency.total.p50,
        ),
        Goal(
            name="events per second, as a multiple of stock Celery's",
            wanted=20.0,
            at_least=True,
            measured=throughput,
        ),
    ]


BENCHMARK = Benchmark(
    name="bench",
    command="make bench",
    result=Comparison,
    template=Path(__file__).with_name("page.md"),
    parts=_parts,
    goals=_goals,
)
