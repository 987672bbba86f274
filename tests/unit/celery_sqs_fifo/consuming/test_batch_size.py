import pytest

from celery_sqs_fifo.consuming.batch_size import choose_batch_size


@pytest.mark.parametrize("ready_groups", [1, 4])
def test_a_batch_has_the_events_of_one_group_if_each_group_can_have_a_process(
    ready_groups: int,
) -> None:
    size = choose_batch_size(
        next_run=3, ready_groups=ready_groups, runnable=20, free_processes=4, limit=25, shares=False
    )
    assert size == 3


@pytest.mark.parametrize(("runnable", "size"), [(8, 2), (9, 3), (12, 3)])
def test_events_are_divided_evenly_if_there_are_fewer_processes_than_groups(
    runnable: int, size: int
) -> None:
    chosen = choose_batch_size(
        next_run=1, ready_groups=5, runnable=runnable, free_processes=4, limit=25, shares=False
    )
    assert chosen == size


def test_the_events_of_one_group_are_not_split_into_even_shares() -> None:
    size = choose_batch_size(
        next_run=6, ready_groups=5, runnable=10, free_processes=4, limit=25, shares=False
    )
    assert size == 6


@pytest.mark.parametrize(("next_run", "ready_groups"), [(40, 1), (40, 5), (1, 5)])
def test_no_batch_is_larger_than_the_limit(next_run: int, ready_groups: int) -> None:
    size = choose_batch_size(
        next_run=next_run,
        ready_groups=ready_groups,
        runnable=200,
        free_processes=2,
        limit=25,
        shares=False,
    )
    assert size == 25


@pytest.mark.parametrize(("ready_groups", "runnable", "size"), [(2, 5, 5), (9, 9, 9), (9, 40, 25)])
def test_gathered_events_share_one_batch(ready_groups: int, runnable: int, size: int) -> None:
    chosen = choose_batch_size(
        next_run=1,
        ready_groups=ready_groups,
        runnable=runnable,
        free_processes=4,
        limit=25,
        shares=True,
    )
    assert chosen == size


def test_without_runnable_events_the_size_is_zero() -> None:
    size = choose_batch_size(
        next_run=0, ready_groups=0, runnable=0, free_processes=4, limit=25, shares=False
    )
    assert size == 0
