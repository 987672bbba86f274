"""CSAT and NPS are computed from the distribution of scores."""

import pytest

from apps.analytics.figures import ClosingFigures, CsatFigures, NpsFigures


def test_csat_is_the_share_of_four_and_five() -> None:
    csat = CsatFigures(distribution={1: 1, 2: 0, 3: 2, 4: 3, 5: 4})

    assert csat.answers == 10
    assert csat.satisfied_percent == 70
    assert csat.mean == pytest.approx(3.9)


def test_nps_is_the_share_of_promoters_minus_that_of_detractors() -> None:
    nps = NpsFigures(distribution={0: 1, 6: 2, 7: 3, 8: 1, 9: 2, 10: 4})

    assert (nps.promoters, nps.passives, nps.detractors) == (6, 4, 3)
    assert nps.answers == 13
    assert nps.score == pytest.approx(100 * 3 / 13)
    assert nps.mean == pytest.approx((12 + 21 + 8 + 18 + 40) / 13)


def test_nps_is_between_minus_100_and_100() -> None:
    assert NpsFigures(distribution={0: 3}).score == -100
    assert NpsFigures(distribution={10: 3}).score == 100
    assert NpsFigures(distribution={8: 3}).score == 0


def test_shares_without_data_are_none() -> None:
    csat = CsatFigures(distribution={5: 0})
    assert (csat.answers, csat.satisfied_percent, csat.mean) == (0, None, None)
    assert NpsFigures(distribution={}).score is None
    assert NpsFigures(distribution={}).mean is None
    closings = ClosingFigures(by_day={}, outreach_by_day={}, answered=0, archived=0, messages=0)
    assert (closings.closed, closings.survey_response_percent) == (0, None)
