"""The page about the comparison of the four subjects."""

from collections.abc import Callable, Mapping
from pathlib import Path

from bench.common.benchmark import Benchmark
from bench.common.costs import COST_FIGURES
from bench.common.goals import Goal
from bench.common.tables import Figures, Table, chart, in_columns
from bench.event_cost.paced import Latency
from bench.event_cost.result import Comparison, SubjectResult

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
    latency = {
        **_latency("half load", lambda one: one.half_load),
        **_latency("no backlog", lambda one: one.no_backlog),
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
        "latency": in_columns(subjects, latency, title="Single events"),
    }


def _calls(
    run: Comparison, calls: Callable[[SubjectResult], Mapping[str, float]]
) -> Figures[SubjectResult]:
    def text(action: str) -> Callable[[SubjectResult], str]:
        return lambda one: f"{calls(one).get(action, 0):.3f}"

    actions = {action for subject in run.subjects.values() for action in calls(subject)}
    return {action: text(action) for action in sorted(actions)}


def _latency(name: str, of: Callable[[SubjectResult], Latency]) -> Figures[SubjectResult]:
    return {
        f"{name}: events per second": lambda one: f"{of(one).per_second:,.0f}",
        f"{name}: on the queue, ms, p50": lambda one: f"{of(one).queued.p50:.1f}",
        f"{name}: on the queue, ms, p99": lambda one: f"{of(one).queued.p99:.1f}",
        f"{name}: receive to effect, ms, p50": lambda one: f"{of(one).effect.p50:.1f}",
        f"{name}: receive to effect, ms, p99": lambda one: f"{of(one).effect.p99:.1f}",
    }


def _goals(run: Comparison) -> list[Goal]:
    service, stock, floor = (run.subjects[name] for name in ("service", "stock", "floor"))
    cpu = service.cpu_ms_per_event / floor.cpu_ms_per_event
    latency = service.no_backlog.effect.p50 / floor.no_backlog.effect.p50
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
            name="median from receive to effect of a single event, as a multiple of the bare "
            "loop's",
            wanted=2.0,
            measured=latency,
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
