"""What a run of the comparison has found, in the form in which bench.json has it."""

from dataclasses import dataclass

from bench.common.machine import Machine
from bench.common.prices import Prices, dollars_per_million
from bench.event_cost.backlog import Backlog
from bench.event_cost.paced import Latency


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectResult:
    """Of one subject, under backlog and then with single events at a steady rate.

    `half_load` is at half of its own events per second, `no_backlog` at a rate that leaves any
    subject idle most of the time. Memory and CPU are those of all its processes.
    """

    title: str
    events: int
    seconds: float
    events_per_second: float
    cpu_ms_per_event: float
    sqs_calls_per_event: float
    sqs_calls_by_action: dict[str, float]
    dynamodb_calls_per_event: float
    dynamodb_calls_by_action: dict[str, float]
    write_units_per_event: float
    sql_per_event: float
    inversions: int
    repeated: int
    peak_rss_mb: float
    dollars_per_million_events: float
    half_load: Latency
    no_backlog: Latency


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The four subjects by name, in one run."""

    command: str
    commit: str
    machine: Machine
    contacts: int
    processes: int
    text_characters: int
    no_backlog_per_second: float
    prices: Prices
    subjects: dict[str, SubjectResult]


def subject_result(
    *, title: str, backlog: Backlog, half_load: Latency, no_backlog: Latency
) -> SubjectResult:
    """Totals made into figures for one event."""
    events, counts = backlog.events, backlog.counts

    def each(calls: dict[str, int]) -> dict[str, float]:
        return {action: number / events for action, number in calls.items()}

    return SubjectResult(
        title=title,
        events=events,
        seconds=backlog.seconds,
        events_per_second=events / backlog.seconds,
        cpu_ms_per_event=backlog.cpu_seconds / events * 1_000,
        sqs_calls_per_event=sum(counts.sqs.values()) / events,
        sqs_calls_by_action=each(dict(counts.sqs)),
        dynamodb_calls_per_event=sum(counts.dynamodb.values()) / events,
        dynamodb_calls_by_action=each(dict(counts.dynamodb)),
        write_units_per_event=counts.write_units / events,
        sql_per_event=counts.sql / events,
        inversions=backlog.inversions,
        repeated=backlog.repeated,
        peak_rss_mb=backlog.peak_megabytes,
        dollars_per_million_events=dollars_per_million(counts=counts, events=events),
        half_load=half_load,
        no_backlog=no_backlog,
    )
