"""The page about the comparison of the four subjects."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from bench.common.benchmark import Benchmark
from bench.common.costs import COST_FIGURES
from bench.common.goals import Goal
from bench.common.svg import Bar, bar_chart
from bench.common.tables import Figures, Table, in_columns
from bench.event_cost.paced import Latency
from bench.event_cost.result import Comparison, SubjectResult

_BACKLOG: Figures[SubjectResult] = {
    **COST_FIGURES,
    "messages stored again": lambda one: f"{one.repeated:,}",
    "most memory held, MB": lambda one: f"{one.peak_rss_mb:,.0f}",
    "AWS calls of a million events, $": lambda one: f"{one.dollars_per_million_events:.2f}",
}


def _tables(run: Comparison) -> dict[str, Table]:
    subjects = {subject.title: subject for subject in run.subjects.values()}
    return {
        "backlog": in_columns(subjects, _BACKLOG, title="Under backlog"),
        "calls": in_columns(
            subjects,
            {
                **_calls(run, lambda one: one.sqs_calls_by_action),
                **_calls(run, lambda one: one.dynamodb_calls_by_action),
            },
            title="Calls of an event",
        ),
        "latency": in_columns(
            subjects,
            {
                **_waits("half load", lambda one: one.half_load),
                **_waits("no backlog", lambda one: one.no_backlog),
            },
            title="Single events",
        ),
    }


def _calls(
    run: Comparison, calls: Callable[[SubjectResult], Mapping[str, float]]
) -> Figures[SubjectResult]:
    def text(action: str) -> Callable[[SubjectResult], str]:
        return lambda one: f"{calls(one).get(action, 0):.3f}"

    actions = {action for subject in run.subjects.values() for action in calls(subject)}
    return {action: text(action) for action in sorted(actions)}


def _waits(name: str, load: Callable[[SubjectResult], Latency]) -> Figures[SubjectResult]:
    return {
        f"{name}: events per second": lambda one: f"{load(one).per_second:,.0f}",
        f"{name}: on the queue, ms, p50": lambda one: f"{load(one).queued.p50:.1f}",
        f"{name}: on the queue, ms, p99": lambda one: f"{load(one).queued.p99:.1f}",
        f"{name}: receive to effect, ms, p50": lambda one: f"{load(one).effect.p50:.1f}",
        f"{name}: receive to effect, ms, p99": lambda one: f"{load(one).effect.p99:.1f}",
    }


def _goals(run: Comparison) -> Iterator[Goal]:
    service, stock, floor = (run.subjects[name] for name in ("service", "stock", "floor"))
    at_most = {
        "SQS calls per event, under backlog": (0.21, service.sqs_calls_per_event),
        "SQL statements per event, under backlog": (0.15, service.sql_per_event),
        "DynamoDB calls per event, under backlog": (0.12, service.dynamodb_calls_per_event),
        "CPU per event, as a share of the bare loop's": (
            1.0,
            service.cpu_ms_per_event / floor.cpu_ms_per_event,
        ),
        "messages stored out of order": (0, service.inversions),
        "median from receive to effect of a single event, as a multiple of the bare loop's": (
            2.0,
            service.no_backlog.effect.p50 / floor.no_backlog.effect.p50,
        ),
    }
    for name, (wanted, measured) in at_most.items():
        yield Goal(name=name, wanted=wanted, measured=measured)
    yield Goal(
        name="events per second, as a multiple of stock Celery's",
        wanted=20.0,
        at_least=True,
        measured=service.events_per_second / stock.events_per_second,
    )


def _charts(run: Comparison) -> dict[str, str]:
    subjects = run.subjects

    def bars(text: Callable[[SubjectResult], str], value: str) -> list[Bar]:
        return [
            Bar(
                label=subject.title,
                value=getattr(subject, value),
                text=text(subject),
                is_accented=name == "service",
            )
            for name, subject in subjects.items()
        ]

    return {
        "bench-throughput.svg": bar_chart(
            title="Events per second, under backlog",
            bars=bars(COST_FIGURES["events per second"], "events_per_second"),
        ),
        "bench-cpu.svg": bar_chart(
            title="CPU per event in milliseconds, under backlog",
            bars=bars(COST_FIGURES["CPU per event, ms"], "cpu_ms_per_event"),
        ),
    }


BENCHMARK = Benchmark(
    name="bench",
    command="make bench",
    result=Comparison,
    template=Path(__file__).with_name("page.md"),
    tables=_tables,
    facts=lambda run: {"sources": "\n".join(f"- <{source}>" for source in run.prices.sources)},
    goals=lambda run: list(_goals(run)),
    charts=_charts,
)
