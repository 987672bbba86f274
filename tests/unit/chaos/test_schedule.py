"""The schedule of a chaos run has every fault, and is the same for the same seed."""

from collections import Counter
from itertools import pairwise

import pytest

from apps.conversations.attribution import FUNCTION
from testbed.database_changes import MISSING_FUNCTION
from tests.chaos.faults.catalogue import FAULTS
from tests.chaos.faults.processes import ALL_WORKERS_KILLS, POOL_PROCESS_KILLS, WORKER_KILLS
from tests.chaos.fleet import WORKERS
from tests.chaos.recovery import MAX_RECOVERY_SECONDS
from tests.chaos.schedule import MIXED, Episode, Schedule, make_schedule
from tests.chaos.seeds import MIN_SECONDS, PUBLISHED_RUNS, PUBLISHED_SECONDS, RATE, SECONDS

LENGTHS = [MIN_SECONDS, 240, SECONDS, PUBLISHED_SECONDS]


def most_at_a_time(episodes: list[Episode]) -> int:
    return max(
        sum(other.begins <= one.begins < other.ends for other in episodes) for one in episodes
    )


def kills(schedule: Schedule) -> int:
    strikes = Counter(action.fault for action in schedule.actions)
    workers = strikes[WORKER_KILLS.name] + WORKERS * strikes[ALL_WORKERS_KILLS.name]
    return workers + strikes[POOL_PROCESS_KILLS.name]


def test_the_same_seed_gives_the_same_schedule() -> None:
    assert make_schedule(seed=3, seconds=600) == make_schedule(seed=3, seconds=600)
    assert make_schedule(seed=3, seconds=600) != make_schedule(seed=4, seconds=600)


@pytest.mark.parametrize("seconds", LENGTHS)
@pytest.mark.parametrize("seed", range(10))
def test_a_run_has_every_fault_and_each_fault_ends_before_the_run(seed: int, seconds: int) -> None:
    schedule = make_schedule(seed=seed, seconds=seconds)

    names = Counter(episode.name for episode in schedule.episodes)
    assert names == Counter([MIXED, *(fault.name for fault in FAULTS)])
    for before, after in pairwise(schedule.episodes):
        assert 0 < before.begins <= after.begins
    assert all(episode.begins < episode.ends < seconds for episode in schedule.episodes)
    assert all(0 <= action.at <= seconds for action in schedule.actions)
    assert most_at_a_time(schedule.episodes) <= schedule.lanes


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("seconds", [SECONDS, PUBLISHED_SECONDS])
def test_every_fault_happens_alone_in_13_minutes_or_more(seed: int, seconds: int) -> None:
    assert make_schedule(seed=seed, seconds=seconds).lanes == 1


@pytest.mark.parametrize("seed", range(10))
def test_no_fault_happens_for_as_long_as_a_recovery_may_take_before_all_do(seed: int) -> None:
    *single, mixed = make_schedule(seed=seed, seconds=PUBLISHED_SECONDS).episodes

    assert mixed.name == MIXED
    assert mixed.begins - max(episode.ends for episode in single) >= MAX_RECOVERY_SECONDS


def test_published_runs_have_75_000_events_and_800_kills() -> None:
    schedules = [
        make_schedule(seed=seed, seconds=PUBLISHED_SECONDS) for seed in range(PUBLISHED_RUNS)
    ]

    assert RATE * PUBLISHED_SECONDS * PUBLISHED_RUNS >= 75_000
    # Some kills have no effect, because no process is running.
    assert sum(map(kills, schedules)) >= 1_000


def test_a_run_that_is_too_short_is_refused() -> None:
    with pytest.raises(ValueError, match="too short"):
        make_schedule(seed=1, seconds=20)


def test_the_fault_of_a_missing_function_renames_the_one_that_events_need() -> None:
    assert MISSING_FUNCTION.begin == (f"ALTER FUNCTION {FUNCTION} RENAME TO not_migrated",)
    assert MISSING_FUNCTION.end == (f"ALTER FUNCTION not_migrated RENAME TO {FUNCTION}",)
