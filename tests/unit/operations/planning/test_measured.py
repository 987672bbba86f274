"""What the planning says about events against what the benchmark measured."""

import json
from pathlib import Path

import pytest

from operations.planning import measured, plan

_RESULT = Path(__file__).parents[4] / "docs" / "results" / "bench.json"
BENCH = json.loads(_RESULT.read_text(encoding="utf-8"))


@pytest.mark.parametrize("rate", measured.MESSAGE_BY_RATE)
def test_an_event_needs_what_the_benchmark_measured(rate: float) -> None:
    life = BENCH["whole_life"][f"{rate:g}"]["service"]

    needs = plan.event_needs(rate, messages_each=BENCH["result"]["messages_each"])

    counts = {name: getattr(needs, name) for name in ("sqs_calls", "sql", "read_units")}
    assert counts == pytest.approx({name: life[name] for name in counts}, rel=0.05)
    assert needs.dynamodb_calls == pytest.approx(life["dynamodb_calls"], rel=0.05)
    # The CPU time of one event at a low rate is a few ticks of the system's clock.
    assert needs.cpu_ms == pytest.approx(life["cpu_ms"], rel=0.3)


def test_a_conversation_has_as_many_messages_as_in_the_benchmark() -> None:
    assert BENCH["result"]["messages_each"] == measured.CONVERSATION_MESSAGES


def test_main_processes_and_idle_programs_need_what_the_benchmark_measured() -> None:
    idle = BENCH["idle_requests_per_month"]
    # The benchmark is too short for the two tasks an hour, with three requests each.
    beat = idle["service_with_beat"] - idle["service"] + 2 * 3 * 24 * 30
    found = (BENCH["main_process"]["events_per_second"], idle["service"], beat)

    assert found == pytest.approx(
        (
            measured.MAIN_PROCESS_EVENTS_PER_SECOND,
            measured.IDLE_WORKER_REQUESTS,
            measured.BEAT_REQUESTS,
        ),
        rel=0.05,
    )


def test_between_two_measured_rates_an_event_needs_something_between_them() -> None:
    low, between, high = map(measured.message_at, (10.0, 20.0, 50.0))

    assert high.sqs_calls < between.sqs_calls < low.sqs_calls


@pytest.mark.parametrize(("rate", "nearest"), [(0.001, 1.0), (1_000_000.0, 500.0)])
def test_beyond_the_measured_rates_the_nearest_one_counts(rate: float, nearest: float) -> None:
    assert measured.message_at(rate) == measured.MESSAGE_BY_RATE[nearest]
