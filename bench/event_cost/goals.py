"""The goals of the service in the comparison."""

from collections.abc import Iterator

from bench.common.goals import Goal
from bench.event_cost.result import Comparison, SubjectResult, rates_of

# A rate that users have.
RATE = "50"
_MAX_SHARE_CHEAPER = 2.0


def goals(run: Comparison) -> list[Goal]:
    """Return the goals with the figures of the run."""
    return [
        *_whole_life(run),
        *_latency(run.subjects["eager"], floor=run.subjects["floor"]),
        *_idle(run),
        *_backlog(run),
    ]


def compared_rates(eager: SubjectResult, *, floor: SubjectResult) -> list[str]:
    """Return the rates from 10 on at which both subjects have a latency from receive to effect."""
    return [
        rate
        for rate in eager.lives
        if rate != "1" and eager.lives[rate].latency and rate in floor.lives
    ]


def effect_ratios(rate: str, eager: SubjectResult, *, floor: SubjectResult) -> tuple[float, float]:
    """Return the median and the 99th percentile as multiples of the bare loop's."""
    mine, theirs = eager.lives[rate].latency, floor.lives[rate].latency
    if mine is None or theirs is None:
        raise ValueError(f"no latency was measured at {rate} events a second")
    return mine.effect.p50 / theirs.effect.p50, mine.effect.p99 / theirs.effect.p99


def percent_cheaper(run: Comparison) -> float:
    """Return by how many percent another subject is cheaper, at the rate where that is the most."""
    service = run.subjects["service"]
    return max(
        100 * (1 - other.whole_life(rate).dollars_per_million / mine)
        for rate in rates_of(run)
        if (mine := service.whole_life(rate).dollars_per_million)
        for name, other in run.subjects.items()
        if name != "service" and rate in other.lives
    )


def _whole_life(run: Comparison) -> Iterator[Goal]:
    service, floor = run.subjects["service"], run.subjects["floor"]
    whole, stored = service.whole_life(RATE), service.lives[RATE].stored
    yield Goal(
        name="dollars for the whole lives of a million events at 50 a second, without their sends, "
        "if items have up to 1 KB",
        wanted=0.80,
        measured=whole.dollars_per_million,
    )
    yield Goal(
        name="percent by which another subject is cheaper, at the rate where that is the most",
        wanted=_MAX_SHARE_CHEAPER,
        measured=percent_cheaper(run),
    )
    yield Goal(
        name="SQS calls for the whole life of an event, at 50 events a second",
        wanted=0.30,
        measured=whole.sqs_calls,
    )
    yield Goal(
        name="CPU per event at 50 events a second, until it is stored, in milliseconds",
        wanted=1.5,
        measured=stored.cpu_ms_each,
    )
    yield Goal(
        name="CPU per event at 50 events a second, as a share of the bare loop's",
        wanted=1.0,
        measured=stored.cpu_ms_each / floor.lives[RATE].stored.cpu_ms_each,
    )
    yield Goal(
        name="median from send to effect at 50 events a second, in milliseconds",
        wanted=300.0,
        measured=whole.p50_ms,
    )


def _latency(eager: SubjectResult, *, floor: SubjectResult) -> Iterator[Goal]:
    ratios = [
        effect_ratios(rate, eager, floor=floor) for rate in compared_rates(eager, floor=floor)
    ]
    for name, wanted, measured in (
        ("median", 2.0, max(median for median, _ in ratios)),
        ("99th percentile", 3.0, max(tail for _, tail in ratios)),
    ):
        yield Goal(
            name=f"{name} from receive to effect without gathering, as a multiple of the bare "
            "loop's, at the rate where it is the largest",
            wanted=wanted,
            measured=measured,
        )


def _idle(run: Comparison) -> Iterator[Goal]:
    for name, title, wanted in (
        ("service", "an idle worker", 140_000),
        ("service_with_beat", "an idle worker and beat", 350_000),
    ):
        yield Goal(
            name=f"requests of {title} in 30 days",
            wanted=wanted,
            measured=run.idle[name].requests_per_month,
        )
    yield Goal(
        name="events that one main process hands out in a second of its CPU time",
        wanted=8_000,
        at_least=True,
        measured=run.main_process.events_per_second,
    )


def _backlog(run: Comparison) -> Iterator[Goal]:
    service, stock, floor = (run.subjects[name] for name in ("service", "stock", "floor"))
    until = "until it is stored, under backlog"
    for name, wanted, measured in (
        (f"SQS calls per event, {until}", 0.21, service.sqs_calls_per_event),
        (f"SQL statements per event, {until}", 0.15, service.sql_per_event),
        (f"DynamoDB calls per event, {until}", 0.12, service.dynamodb_calls_per_event),
        (
            "CPU per event under backlog, as a share of the bare loop's",
            1.0,
            service.cpu_ms_per_event / floor.cpu_ms_per_event,
        ),
        ("messages stored out of order", 0.0, service.inversions),
    ):
        yield Goal(name=name, wanted=wanted, measured=measured)
    yield Goal(
        name="events per second, as a multiple of stock Celery's",
        wanted=20.0,
        at_least=True,
        measured=service.events_per_second / stock.events_per_second,
    )
