"""Percentiles are computed by the nearest-rank method."""

from bench.common.statistics import percentile


def test_a_percentile_is_computed_by_the_nearest_rank_method() -> None:
    assert percentile(range(1, 101), 95) == 95
    assert percentile([3, 1, 2], 50) == 2
    assert percentile([7], 95) == 7
