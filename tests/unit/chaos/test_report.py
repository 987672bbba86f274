"""The report of a chaos run: drain times, latencies, the page and its JSON."""

import json
from dataclasses import replace

from testbed.checker.report import Kind
from tests.chaos.backlog import Drain, Sample, drains
from tests.chaos.faults.others import PROJECT_LOCKED
from tests.chaos.faults.processes import LAG
from tests.chaos.latency import Latency, Timed, latency
from tests.chaos.meanwhile import Wait, ticked_under_lag, waits
from tests.chaos.page import render
from tests.chaos.recovery import Recovery, recoveries
from tests.chaos.result import ChaosResult, ChaosRun
from tests.chaos.schedule import Episode, make_schedule

RUN = ChaosRun(
    seed=17,
    postgresql="18.6",
    seconds=900,
    rate=30,
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
    lanes=1,
    drains=[
        Drain(fault="SQS hangs", before=3.5, highest=812, seconds=4.26),
        Drain(fault="two beats", before=0.0, highest=40, seconds=None),
    ],
    recoveries=[Recovery("SQS hangs", 1.74), Recovery("two beats", None)],
    waits=[Wait("two beats", 2.2)],
    ticked_under_lag=True,
    drain_seconds=21.3,
    quiet=Latency(900, 61.0, 244.4),
    overall=Latency(31_000, 902.3, 61_200.0),
)
OTHER = replace(
    RUN,
    seed=18,
    events=30_000,
    recoveries=[Recovery("SQS hangs", 61.5), Recovery("two beats", 0.4)],
    drain_seconds=18.0,
)
RESULT = ChaosResult(
    command="PUBLISH=1 make chaos",
    commit="abc1234",
    cores=2,
    memory_gigabytes=8.2,
    python="3.11.7",
    celery="5.7.0",
    runs=[RUN, OTHER],
)


def test_the_page_has_the_results_of_the_runs() -> None:
    page = render(result=RESULT)

    for figure in (
        *("with each seed (17, 18)", "abc1234", "| events | 31,200 | 30,000 | 61,200 |"),
        *("| kills | 234 | 234 | 468 |", "| - of a worker | 61 | 61 | 122 |"),
        *("| lost | 0 | 0 | 0 |", "| wrongly quarantined | 0 | 0 | 0 |"),
        "| slow recoveries | 0 | 1 | 1 |",
        *("| SQS hangs | 6 | 812 | 61.5 s |  | 4.3 s |"),
        "| two beats |  | 40 | 0.4 s | 2.2 s | not before the end |",
        *("| no fault, seed 17 | 900 | 61 ms | 244 ms |", "| overall, seed 18 | 31,000 | 902 ms"),
        "21.3, 18.0 s until nothing waited",
    ):
        assert figure in page
    assert all(len(line) <= 100 or "|" in line for line in page.splitlines())


def test_the_page_of_a_single_run_has_no_column_of_sums() -> None:
    page = render(result=replace(RESULT, runs=[RUN]))

    assert "| lost | 0 |\n" in page
    assert "together" not in page


def test_the_sums_of_all_runs_are_at_the_top_level_of_the_json() -> None:
    report = json.loads(RESULT.as_json())

    assert {name: report[name] for name in ("seeds", "events", "kills")} == {
        "seeds": [17, 18],
        "events": 61_200,
        "kills": 468,
    }
    assert [report[kind.value] for kind in Kind] == [0] * len(Kind)
    run = report["runs"][0]
    assert run["faults"] == {"SQS hangs": 3}
    assert run["drains"][0]["seconds"] == 4.26
    assert run["recoveries"][0] == {"fault": "SQS hangs", "seconds": 1.74}
    assert run["overall"]["p99"] == 61_200.0


def test_one_defect_or_exit_or_standstill_is_a_failure() -> None:
    assert RUN.is_clean
    assert not replace(RUN, defects={**RUN.defects, "wrongly_quarantined": 1}).is_clean
    assert not replace(RUN, unexpected_exits=1).is_clean
    assert not replace(RUN, waits=[Wait("two beats", 10.1)]).is_clean
    assert not replace(RUN, ticked_under_lag=False).is_clean
    assert not OTHER.is_clean
    assert not RESULT.is_clean


def test_standstills_are_not_judged_if_faults_happened_at_the_same_time() -> None:
    waits = [Wait("two beats", 10.1)]
    assert replace(OTHER, lanes=2, waits=waits, ticked_under_lag=False).is_clean


def test_only_events_that_a_fault_does_not_concern_count_as_waits() -> None:
    schedule = make_schedule(seed=1, seconds=900)
    begins = {one.name: 1_000 + one.begins for one in schedule.episodes}
    lock, lake = begins[PROJECT_LOCKED.name], begins["the data lake is down"]
    (choice,) = {
        action.hit.choice
        for action in schedule.actions
        if action.fault == PROJECT_LOCKED.name and 1_000 + action.at == lock
    }
    locked, other = "ab"[choice % 2], "ba"[choice % 2]
    events = {
        locked: [Timed(lock + 1, 14.0), Timed(lake + 1, 2.5)],
        other: [Timed(lock - 1, 9.0), Timed(lock + 2, 3.0), Timed(lake + 2, 1.0)],
    }

    def found(*, backlog: float, all_ready: bool = True) -> dict[str, float | None]:
        drains = [Drain(one.name, backlog, 0, 0.0) for one in schedule.episodes]
        measured = waits(
            schedule=schedule,
            events=events,
            projects="ab",
            drains=drains,
            samples=[Sample(at, 0, 0, all_ready) for at in range(900)],
            usual=30,
            begun_at=1_000,
        )
        return {one.fault: one.seconds for one in measured}

    assert found(backlog=30)[PROJECT_LOCKED.name] == 3.0
    assert found(backlog=30)["the data lake is down"] == 2.5
    assert found(backlog=30)["STS hangs"] is None
    assert set(found(backlog=31).values()) == {None}
    assert set(found(backlog=30, all_ready=False).values()) == {None}
    assert "SQS hangs" not in found(backlog=0)


def test_new_answers_in_the_lake_prove_that_beat_ticked_during_the_lag() -> None:
    lag = Episode(name=LAG.name, begins=10, ends=35)

    def ticked(*lake: tuple[int, int], ready_at: float = 20, backlog: float = 30.0) -> bool | None:
        """Return the result if the lake has the given sizes from the given times on."""
        samples = [
            Sample(
                at, 0, max(size for begins, size in lake if begins <= at), not 12 < at < ready_at
            )
            for at in range(40)
        ]
        drains = [Drain(LAG.name, backlog, 0, 0.0)]
        return ticked_under_lag(episodes=[lag], samples=samples, drains=drains, usual=30)

    assert ticked((0, 1), (25, 2)) is True
    # Workers that were replaced later sent these answers.
    assert ticked((0, 1), (11, 2), (36, 3)) is False
    assert ticked((0, 1), ready_at=26) is None
    assert ticked((0, 1), backlog=31) is None


def test_a_recovery_ends_with_the_first_event_sent_after_the_fault() -> None:
    episodes = [Episode(name="SQS hangs", begins=10, ends=20)]
    events = [Timed(1_022.0, 0.1), Timed(1_019.9, 5.0), Timed(1_020.5, 3.0)]

    assert recoveries(episodes=episodes, events=events, begun_at=1_000.0) == [
        Recovery("SQS hangs", 3.5)
    ]
    assert recoveries(episodes=episodes, events=events[1:2], begun_at=1_000.0) == [
        Recovery("SQS hangs", None)
    ]


def test_a_fault_has_drained_when_the_backlog_is_as_small_as_before() -> None:
    episodes = [Episode(name="SQS hangs", begins=10, ends=20)]
    samples = [Sample(float(at), 30) for at in range(5, 10)]
    samples += [Sample(15.0, 900), Sample(21.0, 600), Sample(24.5, 30), Sample(26.0, 0)]

    assert drains(episodes=episodes, samples=samples, usual=5) == [
        Drain(fault="SQS hangs", before=30, highest=900, seconds=4.5)
    ]
    assert drains(episodes=episodes, samples=samples[:-2], usual=5)[0].seconds is None


def test_the_messages_of_one_second_do_not_count_as_a_backlog() -> None:
    episodes = [Episode(name="two beats", begins=10, ends=20)]
    samples = [Sample(9.0, 0), Sample(15.0, 12), Sample(20.5, 40), Sample(21.0, 12)]

    assert drains(episodes=episodes, samples=samples, usual=52)[0].seconds == 0.5


def test_latencies_exclude_events_that_were_on_the_queue_during_a_fault() -> None:
    events = [Timed(at=float(at), seconds=at / 100) for at in range(1, 101)]

    assert latency(events) == Latency(100, 500.0, 990.0)
    # The interval begins at 49.2. So the event that was sent at 49 and took 0.49 s is left out,
    # too.
    assert latency(events, outside=[(49.2, 1_000.0)]) == Latency(48, 240.0, 480.0)
    assert latency(events, outside=[(0.0, 1_000.0)]) == Latency(0, 0.0, 0.0)
