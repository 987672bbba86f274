"""The result of the comparison of the subjects."""

from collections.abc import Mapping
from dataclasses import dataclass

from bench.common.backlog import Backlog
from bench.common.costs import Costs, Prices, dollars_per_million
from bench.event_cost.paced import Latency
from bench.event_cost.steady import Steady


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectResult(Costs):
    """The figures of one subject: under backlog, then with single events at a steady rate.

    `half_load` was measured at half of the subject's own events per second. `steady` has the
    figures at each rate, in events per second, that the subject can keep up with.
    """

    title: str
    sqs_calls_by_action: dict[str, float]
    dynamodb_calls_by_action: dict[str, float]
    repeated: int
    dollars_per_million_events: float
    half_load: Latency
    steady: dict[str, Steady]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The result of one run: the subjects by name."""

    contacts: int
    processes: int
    text_characters: int
    prices: Prices
    subjects: dict[str, SubjectResult]


def subject_result(
    *, title: str, backlog: Backlog, half_load: Latency, steady: dict[str, Steady]
) -> SubjectResult:
    """Return the figures of one subject."""
    events, counts = backlog.events, backlog.counts

    def each(calls: Mapping[str, int]) -> dict[str, float]:
        return {action: number / events for action, number in calls.items()}

    return SubjectResult(
        title=title,
        **backlog.costs(),
        sqs_calls_by_action=each(counts.sqs),
        dynamodb_calls_by_action=each(counts.dynamodb),
        repeated=backlog.repeated,
        dollars_per_million_events=dollars_per_million(counts=counts, events=events),
        half_load=half_load,
        steady=steady,
    )
