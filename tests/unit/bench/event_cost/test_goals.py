"""The goals of the comparison are judged by its figures, and a missed one is reported as missed."""

from dataclasses import replace
from typing import Any

import pytest

from bench.event_cost.idle import Idle
from bench.event_cost.main_process import MainProcess
from bench.event_cost.page import BENCHMARK
from bench.event_cost.result import Comparison
from tests.unit.bench.event_cost.comparisons import COMPARISON, life, searches


def missed(comparison: Comparison) -> list[str]:
    """Return the names of the goals that are not reached."""
    return [goal.name for goal in BENCHMARK.goals(comparison) if not goal.is_reached]


def changed(name: str, **changes: Any) -> Comparison:
    """Return the comparison with changed figures of one subject."""
    subject = replace(COMPARISON.subjects[name], **changes)
    return replace(COMPARISON, subjects=COMPARISON.subjects | {name: subject})


def changed_at(name: str, rate: str, **figures: float) -> Comparison:
    """Return the comparison with changed figures of one subject at one rate."""
    lives = COMPARISON.subjects[name].lives | {rate: life(**figures)}
    return changed(name, lives=lives)


def test_a_service_with_good_figures_reaches_all_goals() -> None:
    assert missed(COMPARISON) == []
    assert len(BENCHMARK.goals(COMPARISON)) == 17


@pytest.mark.parametrize(
    ("change", "goal"),
    [
        ({"sqs_calls_per_event": 0.22}, "SQS calls per event, until it is stored, under backlog"),
        ({"sql_per_event": 0.16}, "SQL statements per event"),
        ({"dynamodb_calls_per_event": 0.13}, "DynamoDB calls per event"),
        ({"cpu_ms_per_event": 2.01}, "CPU per event under backlog"),
        ({"events_per_second": 399.0}, "events per second"),
        ({"inversions": 1}, "messages stored out of order"),
    ],
    ids=str,
)
def test_figures_under_backlog_have_goals(change: dict[str, Any], goal: str) -> None:
    (name,) = missed(changed("service", **change))

    assert name.startswith(goal)


@pytest.mark.parametrize(
    ("name", "rate", "figures", "goals"),
    [
        ("service", "50", {"sqs": 0.31}, ["percent", "SQS calls for the whole life"]),
        ("service", "50", {"cpu": 1.6}, ["CPU per event at 50", "CPU per event at 50"]),
        ("service", "50", {"effect": 300.0}, ["median from send"]),
        # At another rate than 50, only the comparison with other subjects counts.
        ("service", "10", {"sqs": 1.0, "cpu": 9.0}, ["percent"]),
        ("eager", "10", {"effect": 10.1, "tail": 1.0}, ["median from receive"]),
        ("eager", "50", {"tail": 9.0}, ["99th percentile from receive"]),
        # At one event a second, a single slow event would decide.
        ("eager", "1", {"effect": 99.0}, []),
    ],
    ids=str,
)
def test_figures_at_a_rate_have_goals(
    name: str, rate: str, figures: dict[str, float], goals: list[str]
) -> None:
    found = missed(changed_at(name, rate, **figures))

    assert len(found) == len(goals)
    assert all(one.startswith(goal) for one, goal in zip(found, goals, strict=True))


def test_the_price_of_the_whole_life_has_a_goal_that_includes_later_searches() -> None:
    found = missed(changed("service", searched=searches(read_units=9.0)))

    assert [one.split()[0] for one in found] == ["dollars", "percent"]


def test_a_subject_that_is_a_little_cheaper_is_within_the_goal() -> None:
    # The price is $0.731 with 0.25 calls, and 0.01 calls are $0.005.
    assert missed(changed_at("floor", "10", effect=5.0, sqs=0.23)) == []
    assert len(missed(changed_at("floor", "10", effect=5.0, sqs=0.21))) == 1


def test_idle_requests_have_goals() -> None:
    busy = Idle(title="", seconds=60.0, requests={"ReceiveMessage": 9})

    for name in ("service", "service_with_beat"):
        (found,) = missed(replace(COMPARISON, idle=COMPARISON.idle | {name: busy}))
        assert found.startswith("requests of an idle worker")


def test_the_main_process_has_a_goal() -> None:
    slow = MainProcess(events=7_900, cpu_seconds=1.0)

    (found,) = missed(replace(COMPARISON, main_process=slow))

    assert "one main process" in found
