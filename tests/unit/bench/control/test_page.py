"""The page about events and remote control shows the results of the run."""

from dataclasses import replace

from bench.common.journal import Order
from bench.control.page import BENCHMARK
from bench.control.result import Backlog, ControlCosts, Variant
from tests.unit.bench.common.runs import run_of

BACKLOG = Backlog(
    sent=100,
    done=100,
    lost=0,
    repeated=0,
    dead_letters=0,
    seconds=2.0,
    late_seconds=1.0,
    cpu_seconds=4.0,
    publishes=0,
    order=Order(inversions=0, begun_early=0, together=0),
)
SLOWER = replace(BACKLOG, seconds=2.5, late_seconds=2.0, cpu_seconds=5.0, publishes=30)
COSTS = ControlCosts(
    groups=10,
    concurrency=2,
    variants=[
        Variant(name="none", backlogs=[BACKLOG, BACKLOG, BACKLOG]),
        Variant(name="on", backlogs=[BACKLOG, SLOWER, SLOWER]),
    ],
)


def page_of(costs: ControlCosts) -> str:
    return BENCHMARK.render(run_of(costs))


def test_each_ratio_compares_with_the_run_without_a_broker_in_the_same_round() -> None:
    page = page_of(COSTS).splitlines()

    assert "| events per second, ratio | 1.00 (1.00 to 1.00) | 0.80 (0.80 to 1.00) |" in page
    assert "| the same, second half | 1.00 (1.00 to 1.00) | 0.50 (0.50 to 1.00) |" in page
    assert "| CPU time, ratio | 1.00 | 1.17 |" in page
    assert "| messages to the broker per event | - | 0.200 |" in page
    assert "| events per second, in this run | 50 | 40 |" in page


def test_the_page_says_which_goals_were_missed() -> None:
    disordered = replace(BACKLOG, lost=2, order=Order(inversions=1, begun_early=0, together=0))
    on = Variant(name="on", backlogs=[disordered] * 3)
    flawed = replace(COSTS, variants=[COSTS.variants[0], on])

    page = page_of(COSTS)
    ratio = "| events per second with events on, ratio | at least 0.9 |"
    assert f"{ratio} 0.8 | not reached |" in page
    assert "| flaws | at most 0 | 0 | reached |" in page
    page = page_of(flawed)
    assert f"{ratio} 1 | reached |" in page
    assert "| flaws | at most 0 | 9 | not reached |" in page
    assert "| events lost | 0 | 6 |" in page
    assert "| events out of order | 0 | 3 |" in page


def test_there_is_no_ratio_for_a_worker_that_processed_no_event() -> None:
    idle = replace(BACKLOG, done=0, lost=100, seconds=0.0, late_seconds=0.0, cpu_seconds=0.0)
    variants = [Variant(name=name, backlogs=[idle] * 3) for name in ("none", "on")]

    page = page_of(replace(COSTS, variants=variants)).splitlines()

    assert "| events per second, ratio | - | - |" in page
