"""The report of a chaos run: drain times, latencies, the page and its JSON."""

import json
from dataclasses import replace

from testbed.checker.report import Kind
from tests.chaos.backlog import Drain, Sample, drains
from tests.chaos.latency import Latency, Timed, latency
from tests.chaos.page import render
from tests.chaos.result import ChaosRun, Machine
from tests.chaos.schedule import Episode

RUN = ChaosRun(
    command="make chaos",
    seed=17,
    commit="abc1234",
    machine=Machine(
        cores=2, memory_gigabytes=8.2, python="3.11.7", postgresql="18.6", celery="5.7.0"
    ),
    seconds=600,
    workers=3,
    concurrency=2,
    groups=190,
    events=31_200,
    kinds={"Message": 29_000},
    kills={"worker": 61, "pool process": 170, "beat": 3},
    terminations=8,
    deadlocks=4,
    failed_starts=1,
    unexpected_exits=0,
    defects=dict.fromkeys([kind.value for kind in Kind], 0),
    faults={"SQS hangs": 3},
    drains=[
        Drain(fault="SQS hangs", before=3.5, highest=812, seconds=4.26),
        Drain(fault="two beats", before=0.0, highest=40, seconds=None),
    ],
    drain_seconds=21.3,
    quiet=Latency(900, 61.0, 244.4),
    overall=Latency(31_000, 902.3, 61_200.0),
)


def test_the_page_has_what_the_run_found() -> None:
    page = render(run=RUN)

    for figure in (
        *("SEED=17 make chaos", "abc1234", "31,200", "| kills | 234 |", "| - of a worker | 61 |"),
        *("| lost | 0 |", "| SQS hangs | 3 | 4 | 812 | 4.3 s |", "| two beats |"),
        *("| no fault | 900 | 61 ms | 244 ms |", "| overall | 31,000 | 902 ms | 61,200 ms |"),
        "not before the end",
    ):
        assert figure in page
    assert max(map(len, page.splitlines())) <= 100 or "|" in page


def test_the_json_has_the_counts_at_its_top() -> None:
    report = json.loads(RUN.as_json())

    assert {name: report[name] for name in ("seed", "events", "kills")} == {
        "seed": 17,
        "events": 31_200,
        "kills": 234,
    }
    assert [report[kind.value] for kind in Kind] == [0] * len(Kind)
    assert report["faults"] == {"SQS hangs": 3}
    assert report["drain_seconds_after_each"][0]["seconds"] == 4.26
    assert report["latency_milliseconds"]["overall"]["p99"] == 61_200.0


def test_one_defect_or_one_exit_is_a_failure() -> None:
    assert RUN.is_clean
    assert not replace(RUN, defects={**RUN.defects, "stuck": 1}).is_clean
    assert not replace(RUN, unexpected_exits=1).is_clean


def test_a_fault_has_drained_when_the_backlog_is_as_before() -> None:
    episodes = [Episode(name="SQS hangs", begins=10, ends=20)]
    samples = [Sample(float(at), 30) for at in range(5, 10)]
    samples += [Sample(15.0, 900), Sample(21.0, 600), Sample(24.5, 30), Sample(26.0, 0)]

    assert drains(episodes=episodes, samples=samples, usual=5) == [
        Drain(fault="SQS hangs", before=30, highest=900, seconds=4.5)
    ]
    assert drains(episodes=episodes, samples=samples[:-2], usual=5)[0].seconds is None


def test_a_backlog_of_a_second_of_traffic_is_none() -> None:
    episodes = [Episode(name="two beats", begins=10, ends=20)]
    samples = [Sample(9.0, 0), Sample(15.0, 12), Sample(20.5, 40), Sample(21.0, 12)]

    assert drains(episodes=episodes, samples=samples, usual=52)[0].seconds == 0.5


def test_latencies_are_those_of_events_that_no_fault_touched() -> None:
    events = [Timed(at=float(at), seconds=at / 100) for at in range(1, 101)]

    assert latency(events) == Latency(100, 500.0, 990.0)
    # Of those before 50, the one sent at 49 ends within it.
    assert latency(events, outside=[(49.2, 1_000.0)]) == Latency(48, 240.0, 480.0)
    assert latency(events, outside=[(0.0, 1_000.0)]) == Latency(0, 0.0, 0.0)
