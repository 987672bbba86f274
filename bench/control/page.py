"""The page about worker events and remote control."""

from collections.abc import Callable
from pathlib import Path
from statistics import median

from bench.common.benchmark import Benchmark
from bench.common.goals import Goal
from bench.common.tables import Table, in_columns
from bench.control.result import Backlog, ControlCosts, Variant

MIN_RATIO = 0.9


def _parts(run: ControlCosts) -> dict[str, Table | str]:
    """Return the table and the number of rounds. Figures that depend on the machine come last."""
    bare = run.variants[0]

    def cpu_ratio(variant: Variant) -> str:
        theirs = bare.total(lambda one: one.cpu_seconds)
        return f"{variant.total(lambda one: one.cpu_seconds) / theirs if theirs else 0.0:.2f}"

    def total(count: Callable[[Backlog], int]) -> Callable[[Variant], str]:
        return lambda variant: str(variant.total(count))

    figures: dict[str, Callable[[Variant], str]] = {
        "events per second, ratio": lambda one: _spread(one.ratios_to(bare, _per_second)),
        "the same, second half": lambda one: _spread(one.ratios_to(bare, _late_per_second)),
        "CPU time, ratio": cpu_ratio,
        "events lost": total(lambda one: one.lost),
        "events out of order": total(lambda one: one.order.inversions),
        "steps repeated": total(lambda one: one.repeated),
        "dead letters": total(lambda one: one.dead_letters),
        "messages to the broker per event": _publishes,
        "events per second, in this run": lambda one: f"{one.events_per_second:,.0f}",
    }
    variants = {variant.name: variant for variant in run.variants}
    backlogs = bare.backlogs
    title = f"{backlogs[0].sent:,} events, {len(backlogs)} rounds"
    return {"table": in_columns(variants, figures, title=title), "rounds": str(len(backlogs))}


def _goals(run: ControlCosts) -> list[Goal]:
    bare, events_on, *_others = run.variants
    return [
        Goal(
            name="events per second with events on, ratio",
            wanted=MIN_RATIO,
            at_least=True,
            measured=median(events_on.ratios_to(bare, _per_second) or [0.0]),
        ),
        Goal(
            name="flaws",
            wanted=0,
            measured=sum(variant.total(_flaws) for variant in run.variants),
        ),
    ]


def _per_second(backlog: Backlog) -> float:
    return backlog.events_per_second


def _late_per_second(backlog: Backlog) -> float:
    return backlog.late_events_per_second


def _flaws(backlog: Backlog) -> int:
    return backlog.lost + backlog.order.inversions + backlog.repeated + backlog.dead_letters


def _publishes(variant: Variant) -> str:
    messages = variant.total(lambda one: one.publishes)
    return f"{messages / variant.total(lambda one: one.done):.3f}" if messages else "-"


def _spread(ratios: list[float]) -> str:
    if not ratios:
        return "-"
    return f"{median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"


BENCHMARK = Benchmark(
    name="control",
    command="make bench-control",
    result=ControlCosts,
    template=Path(__file__).with_name("page.md"),
    parts=_parts,
    goals=_goals,
)
