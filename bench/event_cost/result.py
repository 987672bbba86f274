"""The result of the comparison of the subjects."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from bench.common.backlog import Backlog
from bench.common.costs import Costs, dollars_per_million
from bench.event_cost.idle import Idle
from bench.event_cost.lives import BACKLOG, Life
from bench.event_cost.main_process import MainProcess
from bench.event_cost.spent import Spent
from operations.planning.prices import PRICES, Prices


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectResult(Costs):
    """The figures of one subject. Those of `Costs` are of a backlog, until messages are stored.

    `lives` has the figures at each rate, in events per second, that the subject can keep up with,
    and under "backlog". `searched` is what the later searches of conversations needed, which were
    archived after the backlog.
    """

    title: str
    sqs_calls_by_action: dict[str, float]
    dynamodb_calls_by_action: dict[str, float]
    repeated: int
    dollars_per_million_events: float
    lives: dict[str, Life]
    searched: Spent

    def whole_life(self, rate: str) -> "WholeLife":
        """Return the figures of an event at one of the rates of `lives`."""
        return whole_life(self.lives[rate], searched=self.searched)


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeLife:
    """The figures of an event from its send until its conversation is archived and searched.

    Closes are events, too. The times are those from the send of a message until it is stored.
    """

    sqs_calls: float
    sql: float
    dynamodb_calls: float
    write_units: float
    read_units: float
    cpu_ms: float
    dollars_per_million: float
    dollars_per_million_with_sends: float
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LongTexts:
    """This service at 50 events a second, with texts of `shortest` to `longest` characters."""

    shortest: int
    longest: int
    whole_life: WholeLife


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The result of one run: the subjects by name, and the idle ones by name.

    `seconds` is the length of the sending at each rate. `versions` has those of the packages that
    are installed only for this benchmark.
    """

    seconds: int
    messages_each: int
    processes: int
    text_characters: int
    prices: Prices
    versions: dict[str, str]
    subjects: dict[str, SubjectResult]
    long_texts: LongTexts
    idle: dict[str, Idle]
    main_process: MainProcess


def subject_result(
    *, title: str, backlog: Backlog, lives: Mapping[str, Life], searched: Spent
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
        lives=dict(lives),
        searched=searched,
    )


def whole_life(life: Life, *, searched: Spent) -> WholeLife:
    """Return the figures of an event, with its share of the later searches."""
    events = life.stored.events + life.archived.events
    spent = replace(life.stored + life.archived + searched.scaled_to(events), events=events)
    return WholeLife(
        sqs_calls=spent.sqs_calls_each,
        sql=spent.sql / events,
        dynamodb_calls=spent.dynamodb_calls / events,
        write_units=spent.write_units / events,
        read_units=spent.read_units / events,
        cpu_ms=spent.cpu_ms_each,
        dollars_per_million=spent.dollars_per_million,
        # A send is one request.
        dollars_per_million_with_sends=spent.dollars_per_million + PRICES.sqs_fifo_requests,
        p50_ms=life.total.p50,
        p99_ms=life.total.p99,
    )


def rates_of(run: Comparison) -> list[str]:
    """Return the rates at which this service was measured, and "backlog" as the last."""
    rates = [rate for rate in run.subjects["service"].lives if rate != BACKLOG]
    return [*rates, BACKLOG]
