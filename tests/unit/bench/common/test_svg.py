"""The charts show their values."""

from xml.etree import ElementTree

import pytest

from bench.common.svg import line_chart


def test_the_line_of_a_chart_goes_up_with_its_values() -> None:
    chart = line_chart(title="t", across="x", points=[(1, 0.0), (10, 50.0), (100, 100.0)])
    drawn = ElementTree.fromstring(chart)  # noqa: S314 (drawn here)
    (line,) = drawn.iterfind("{*}polyline")
    spots = [tuple(map(float, spot.split(","))) for spot in line.get("points", "").split()]

    assert [x for x, _ in spots] == sorted(x for x, _ in spots)
    assert spots[1][0] == pytest.approx((spots[0][0] + spots[2][0]) / 2)
    assert spots[1][1] == pytest.approx((spots[0][1] + spots[2][1]) / 2)
    assert spots[2][1] < spots[0][1]
