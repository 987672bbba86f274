"""Percentiles are by nearest rank."""

from bench.common.statistics import percentile


def test_a_percentile_is_the_value_that_so_many_do_not_exceed() -> None:
    assert percentile(range(1, 101), 95) == 95
    assert percentile([3, 1, 2], 50) == 2
    assert percentile([7], 95) == 7
