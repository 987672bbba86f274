"""Figures are shown without a negative zero, with the right singular or plural, or as missing."""

import re
from datetime import timedelta

import pytest
from django.utils import translation
from hypothesis import example, given
from hypothesis import strategies as st

from apps.analytics.figures import ClosingFigures, NpsFigures, texts
from apps.common import durations
from apps.conversations.models import Resolution
from tests.support.builders import NOON

TODAY = NOON.date()


def closings(*, closed: int, outreach: int, answered: int) -> ClosingFigures:
    """Return the figures of a day with these numbers."""
    return ClosingFigures(
        by_day={TODAY: dict.fromkeys(Resolution, 0) | {Resolution.RESOLVED: closed}},
        outreach_by_day={TODAY: outreach},
        answered=answered,
        archived=0,
        messages=0,
    )


@given(value=st.floats(min_value=-100, max_value=100))
@example(value=-0.0)
@example(value=-0.04)
@example(value=-0.05)
@example(value=-0.0049)
def test_no_figure_is_a_negative_zero(value: float) -> None:
    for shown in (
        texts.percent(value),
        texts.mean(value),
        texts.number(value),
        texts.signed(value),
    ):
        assert not re.fullmatch(r"[-+\N{MINUS SIGN}]0(\.0+)?%?", shown), shown


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "no data"),
        (0.0, "0.0"),
        (-0.01, "0.0"),
        (12.34, "+12.3"),
        (-100.0, "\N{MINUS SIGN}100.0"),
    ],
)
def test_nps_is_shown_with_its_sign(value: float | None, text: str) -> None:
    assert texts.signed(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "no data"),
        (0, "0s"),
        (59.6, "1m"),
        (61, "1m1s"),
        (3_600, "1h"),
        (9_240, "2h34m"),
        (90_061, "1d1h"),
        (86_461, "1d"),
    ],
)
def test_durations_are_shown_in_two_units(seconds: float | None, text: str) -> None:
    assert texts.duration(None if seconds is None else timedelta(seconds=seconds)) == text


@given(seconds=st.integers(min_value=0, max_value=10**9))
def test_a_duration_that_is_shown_can_be_entered(seconds: int) -> None:
    duration = timedelta(seconds=seconds)

    assert durations.read(durations.as_text(duration)) == duration


@pytest.mark.parametrize("text", ["", "365", "-1d", "1.5h", "30 d", "P1D", "1h1d", "00:60:00"])
def test_a_text_without_units_is_not_a_duration(text: str) -> None:
    assert durations.read(text) is None


@pytest.mark.parametrize(
    ("language", "shown"),
    [
        ("en", ["1,204", "81.3%", "4.21", "4.5", "1,204", "+12.5"]),
        ("pt-br", ["1.204", "81,3%", "4,21", "4,5", "1.204", "+12,5"]),
    ],
)
def test_numbers_have_the_separators_of_the_language(language: str, shown: list[str]) -> None:
    with translation.override(language):
        assert [
            texts.whole(1_204),
            texts.percent(81.34),
            texts.mean(4.2149),
            texts.number(4.5),
            texts.number(1_204.0),
            texts.signed(12.5),
        ] == shown


def test_differences_are_shown_with_their_sign() -> None:
    assert texts.signed_whole(1_204) == "+1,204"
    assert texts.signed_whole(-3) == "\N{MINUS SIGN}3"
    assert texts.signed_whole(0) == "0"
    assert texts.signed_duration(timedelta(minutes=-125)) == "\N{MINUS SIGN}2h5m"
    assert texts.signed_duration(timedelta(seconds=0.2)) == "0s"


def test_one_thing_is_in_the_singular_and_others_in_the_plural() -> None:
    nps = NpsFigures(distribution={10: 1, 7: 0, 0: 2_000})

    assert texts.groups(nps) == "1 promoter, 0 passives, 2,000 detractors"
    assert texts.answers({5: 1, 4: 2}) == "3 (5: 1, 4: 2)"
    assert texts.answers({5: 0, 4: 0}) == "none"


@pytest.mark.parametrize(
    ("closed", "outreach", "answered", "percent", "text"),
    [
        # Three campaign messages without a reply, and a customer who answered the survey.
        (4, 3, 1, 100, "1 of 1 closed conversation in which the contact wrote"),
        (2_000, 0, 500, 25, "500 of 2,000 closed conversations in which the contact wrote"),
        (4, 0, 0, None, "0 of 4 closed conversations in which the contact wrote"),
        (3, 3, 0, None, "0 of 0 closed conversations in which the contact wrote"),
    ],
)
def test_the_survey_response_rate_is_a_share_of_conversations_in_which_the_contact_wrote(
    closed: int, outreach: int, answered: int, percent: float | None, text: str
) -> None:
    found = closings(closed=closed, outreach=outreach, answered=answered)

    assert found.survey_response_percent == percent
    assert texts.survey_responses(found) == text
