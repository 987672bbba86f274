"""The faults of chaos runs: the same for the same seed, and of every kind."""

from collections import Counter

import pytest

from tests.chaos.catalogue import FAULTS, Strike
from tests.chaos.schedule import MIXED, make_schedule


def test_the_same_seed_gives_the_same_schedule() -> None:
    assert make_schedule(seed=3, seconds=600) == make_schedule(seed=3, seconds=600)
    assert make_schedule(seed=3, seconds=600) != make_schedule(seed=4, seconds=600)


@pytest.mark.parametrize("seed", range(20))
def test_ten_minutes_have_every_fault_alone_and_enough_kills(seed: int) -> None:
    schedule = make_schedule(seed=seed, seconds=600)
    strikes = Counter(action.strike for action in schedule.actions)

    assert {episode.name for episode in schedule.episodes} == {
        MIXED,
        *(fault.name for fault in FAULTS),
    }
    workers = strikes[Strike.KILL_WORKER] + 3 * strikes[Strike.KILL_ALL_WORKERS]
    assert workers >= 60
    assert workers + strikes[Strike.KILL_POOL_PROCESS] >= 230


@pytest.mark.parametrize("seconds", [20, 60, 600])
def test_faults_alone_do_not_overlap_and_all_end_within_the_run(seconds: int) -> None:
    schedule = make_schedule(seed=5, seconds=seconds)

    ends = 0.0
    for episode in schedule.episodes:
        assert ends <= episode.begins < episode.ends <= seconds
        ends = episode.ends
    assert all(0 <= action.at <= seconds for action in schedule.actions)
