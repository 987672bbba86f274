"""The goals of the service as ratios and counts, which hold on any machine."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.event_cost.comparison_result import Comparison
from bench.event_cost.growth_result import Growth, Point

_MILLION = 1_000_000
# Of the memory after a tenth of the events: what is flat does not grow beyond noise.
_FLAT = 1.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """`measured` shall be at most, or at least, `wanted`."""

    name: str
    wanted: float
    at_least: bool
    measured: float

    @property
    def is_reached(self) -> bool:
        """Whether this run has reached it."""
        return self.measured >= self.wanted if self.at_least else self.measured <= self.wanted


def goals(comparison: Comparison, growth: Growth | None) -> list[Goal]:
    """All goals; that of memory only where the longest backlog was measured."""
    return [*_of_comparison(comparison), *(_of_growth(growth) if growth else ())]


def _of_comparison(comparison: Comparison) -> Iterator[Goal]:
    subjects = comparison.subjects
    service, stock, floor = subjects["service"], subjects["stock"], subjects["floor"]
    yield _at_most("SQS calls per event, under backlog", 0.21, service.sqs_calls_per_event)
    yield _at_most("SQL statements per event, under backlog", 0.15, service.sql_per_event)
    yield _at_most(
        "DynamoDB calls per event, under backlog", 0.12, service.dynamodb_calls_per_event
    )
    yield _at_most(
        "CPU per event, as a share of the bare loop's",
        1.0,
        service.cpu_ms_per_event / floor.cpu_ms_per_event,
    )
    yield Goal(
        name="events per second, as a multiple of stock Celery's",
        wanted=20.0,
        at_least=True,
        measured=service.events_per_second / stock.events_per_second,
    )
    yield _at_most("messages stored out of order", 0, service.inversions)
    yield _at_most(
        "median from receive to effect of a single event, as a multiple of the bare loop's",
        2.0,
        service.no_backlog.effect.p50 / floor.no_backlog.effect.p50,
    )


def _of_growth(growth: Growth) -> Iterator[Goal]:
    points: Sequence[Point] = growth.backlog.points if growth.backlog else ()
    longest = max(points, key=lambda one: one.at, default=None)
    if longest and longest.at >= _MILLION:
        yield Goal(
            name="events of one backlog done by one worker, in the time that the benchmark takes",
            wanted=_MILLION,
            at_least=True,
            measured=longest.events,
        )
        yield _at_most(
            f"memory at the end of {longest.events:,} events, as a share of that after a tenth",
            _FLAT,
            longest.end_rss_mb / longest.settled_rss_mb,
        )
        yield _at_most(
            f"messages stored out of order in {longest.events:,} events", 0, longest.inversions
        )


def _at_most(name: str, wanted: float, measured: float) -> Goal:
    return Goal(name=name, wanted=wanted, at_least=False, measured=measured)
