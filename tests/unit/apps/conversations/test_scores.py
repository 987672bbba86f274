"""A value that can only mean one number is that score. Others have none, and a reason."""

import json
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from apps.common.lossless_json import unescape
from apps.conversations.scores import SCORES, NoScore, read_score
from apps.messages.events import MessageEvent, SurveyAnswer
from apps.messages.reading import parse_event
from tests.support.builders import place, survey_body
from tests.support.json_documents import texts

CSAT, NPS = SCORES["weni_csat"], SCORES["weni_nps"]
# The first digit of some scripts: ASCII, full-width, Arabic-Indic, Devanagari, mathematical bold.
ZEROS = st.sampled_from("0\uff10\u0660\u0966\U0001d7ce")


def answer_of(value: Any) -> SurveyAnswer:
    """Return the NPS answer with this value in JSON."""
    event = parse_event(body=survey_body(key="weni_nps", value=value), place=place())
    assert isinstance(event, MessageEvent)
    assert event.answer
    return event.answer


@st.composite
def written(draw: st.DrawFn) -> tuple[str, int]:
    """Return an NPS score in some form, and the score."""
    score, zero = draw(st.sampled_from(NPS)), draw(ZEROS)
    digits = [chr(ord(zero) + int(digit)) for digit in f"{score:0{draw(st.integers(1, 4))}}"]
    frame = draw(st.sampled_from(["", "\u20e3", "\ufe0f\u20e3"]))
    text = "".join(f"{digit}{frame}" for digit in digits)
    if not frame and draw(st.booleans()):
        text += "." + zero * draw(st.integers(1, 4))
    blanks = st.text(" \t\n\u00a0", max_size=2)
    return draw(blanks) + draw(st.sampled_from(["", "+"])) + text + draw(blanks), score


@given(written())
def test_a_score_in_any_form_is_read_back(case: tuple[str, int]) -> None:
    text, score = case

    assert read_score(text, scores=NPS) == score


@given(written())
def test_a_score_in_any_form_is_recorded_as_its_digits(case: tuple[str, int]) -> None:
    text, score = case

    assert answer_of(text) == SurveyAnswer(key="weni_nps", value=str(score), score=score)


@given(st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False)))
def test_a_number_in_json_is_a_score_if_it_equals_one(number: float) -> None:
    assert answer_of(number).score == (int(number) if number in NPS else None)


@given(st.text())
def test_any_text_has_a_score_or_a_reason(text: str) -> None:
    found = read_score(text, scores=CSAT)

    assert isinstance(found, NoScore) or found in CSAT


@given(st.one_of(st.none(), texts()))
def test_the_value_of_an_answer_without_a_score_is_kept(value: str | None) -> None:
    answer = answer_of(value)

    assume(answer.problem)
    assert answer.score is None
    # JSON joins two halves of a character, which a text of Python may have.
    assert unescape(answer.value) == json.loads(json.dumps(value or ""))
