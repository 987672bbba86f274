import json
from dataclasses import replace
from pathlib import Path

import pytest

from operations.planning.plan import Demand, Plan, make_plan

DEMAND = Demand(
    peak=500.0, average=500.0, messages_each=12, processes_each=4, sql_ms=1.0, dynamodb_ms=5.0
)
_RESULT = Path(__file__).parents[4] / "docs" / "results" / "bench.json"


def plan_of(**changes: float) -> Plan:
    return make_plan(replace(DEMAND, **changes), max_held=200)  # type: ignore[arg-type]


@pytest.mark.parametrize("rate", [50.0, 200.0, 500.0])
def test_the_dollars_of_a_month_are_those_of_the_benchmark(rate: float) -> None:
    life = json.loads(_RESULT.read_text())["whole_life"][f"{rate:g}"]["service"]
    millions = rate * 30 * 24 * 3600 / 1_000_000

    # Twice the rate, because there are at least two workers.
    found = plan_of(peak=2 * rate, average=2 * rate)

    assert found.dollars_of_month == pytest.approx(
        2 * millions * life["dollars_per_million"], rel=0.05
    )
    assert found.dollars_of_sends == pytest.approx(2 * millions * 0.5)


def test_there_are_always_two_workers() -> None:
    assert plan_of(peak=0.01).workers == 2


def test_slower_stores_need_more_workers_for_the_same_rate() -> None:
    fast = plan_of(peak=5_000.0)
    slow = plan_of(peak=5_000.0, sql_ms=5.0, dynamodb_ms=20.0)

    assert slow.workers > fast.workers
    assert slow.groups > fast.groups


def test_more_processes_for_each_worker_need_fewer_workers() -> None:
    few, many = plan_of(peak=20_000.0, processes_each=4), plan_of(peak=20_000.0, processes_each=32)

    assert many.workers < few.workers


def test_a_main_process_limits_a_worker_however_many_processes_it_has() -> None:
    assert plan_of(peak=30_000.0, processes_each=256, sql_ms=0.0, dynamodb_ms=0.0).workers >= 4


def test_the_average_decides_the_costs_and_the_peak_the_rest() -> None:
    steady, uneven = plan_of(), plan_of(average=50.0)

    assert uneven.workers == steady.workers
    assert uneven.write_units == steady.write_units
    assert uneven.dollars_of_month < steady.dollars_of_month / 5


def test_longer_conversations_need_fewer_statements_and_more_write_units() -> None:
    short, long = plan_of(messages_each=2), plan_of(messages_each=100)

    assert long.sql < short.sql
    assert long.write_units > short.write_units


def test_every_process_has_a_connection() -> None:
    found = plan_of()

    # Two workers with four pool processes and a heartbeat each, beat, and eight threads of pages.
    assert found.connections == 2 * (4 + 1) + 1 + 8
