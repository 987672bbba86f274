"""Survey answers are fields of messages from the contact."""

from typing import Any

import pytest

from apps.common.lossless_json import decode
from apps.conversations.scores import NoScore
from apps.messages.event_types import goes_alone
from apps.messages.events import SurveyAnswer
from apps.messages.reading import parse_event
from tests.support.builders import ABSENT, message_body, place, survey_body


def parsed(body: str) -> Any:
    return parse_event(body=body, place=place())


@pytest.mark.parametrize("key", ["weni_csat", "weni_nps", "order_status"])
def test_a_survey_answer_without_a_text_is_not_a_chat_message(key: str) -> None:
    event = parsed(survey_body(key=key, value="5"))

    assert event.entry is None
    assert event.answer == SurveyAnswer(key=key, value="5", score=5 if "weni" in key else None)


def test_key_and_value_may_stand_at_the_top_level() -> None:
    message_without_text = {"text": "", "source": "system", "created_at": ""}

    event = parsed(
        message_body(message=message_without_text, event={"key": "weni_csat", "value": "4"})
    )

    assert event.answer == SurveyAnswer(key="weni_csat", value="4", score=4)


def test_key_and_value_in_data_override_those_at_the_top_level() -> None:
    event = parsed(
        message_body(
            data={"key": "weni_csat", "value": "4"}, event={"key": "weni_nps", "value": "9"}
        )
    )

    assert event.answer == SurveyAnswer(key="weni_csat", value="4", score=4)


def test_a_chat_message_with_an_answer_is_both() -> None:
    event = parsed(message_body(data={"key": "weni_nps", "value": "10"}))

    assert event.entry is not None
    assert event.answer.score == 10


def test_a_message_to_a_contact_is_never_an_answer() -> None:
    event = parsed(message_body(event_type="message.sent", data={"key": "weni_csat", "value": "9"}))

    assert event.answer is None
    assert event.entry.extra == {"data": {"key": "weni_csat", "value": "9"}}


@pytest.mark.parametrize(
    ("key", "value", "score"),
    [
        ("weni_csat", "1", 1),
        ("weni_csat", "5", 5),
        ("weni_csat", 3, 3),
        ("weni_csat", " 3 ", 3),
        ("weni_nps", "0", 0),
        ("weni_nps", 0, 0),
        ("weni_nps", "10", 10),
    ],
)
def test_a_score_in_range_is_an_answer(key: str, value: Any, score: int) -> None:
    assert parsed(survey_body(key=key, value=value)).answer.score == score


@pytest.mark.parametrize(
    ("value", "kept", "problem"),
    [
        ("6", "6", NoScore.OUT_OF_RANGE),
        ("", "", NoScore.MISSING),
        (ABSENT, "", NoScore.MISSING),
        (True, "true", NoScore.NOT_A_NUMBER),
        (" Very good ", " Very good ", NoScore.NOT_A_NUMBER),
        ([5], "[5]", NoScore.NOT_A_NUMBER),
        (4.5, "4.5", NoScore.NOT_WHOLE),
    ],
)
def test_a_value_that_is_not_a_score_is_kept_without_a_score_and_with_the_reason(
    value: Any, kept: str, problem: NoScore
) -> None:
    answer = parsed(survey_body(value=value)).answer

    assert answer == SurveyAnswer(key="weni_csat", value=kept, score=None, problem=problem)


@pytest.mark.parametrize(
    "key", ["", " ", "\x1f", None, ABSENT, "weni_csat", "\x1f weni_nps", 5, "\x00"]
)
@pytest.mark.parametrize("other", [ABSENT, " ", "comment"])
def test_every_event_with_an_answer_goes_alone(key: Any, other: Any) -> None:
    body = message_body(data={"key": key, "value": "5"}, event={"key": other})

    assert (parsed(body).answer is not None) == goes_alone(decode(body))


def test_a_score_is_stored_as_its_digits() -> None:
    assert parsed(survey_body(value=" 05.0 ")).answer.value == "5"


def test_key_and_value_are_of_the_same_part_of_the_body() -> None:
    answer = parsed(
        message_body(data={"key": "weni_csat"}, event={"key": "weni_nps", "value": "5"})
    ).answer

    assert (answer.key, answer.value, answer.score) == ("weni_csat", "", None)


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("delivered", "delivered"),
        (12, "12"),
        (True, "true"),
        (None, ""),
        ({"b": 1, "a": [2]}, '{"a":[2],"b":1}'),
    ],
)
def test_an_answer_with_another_key_has_any_value_and_no_score(value: Any, kept: str) -> None:
    answer = parsed(survey_body(key="order_status", value=value)).answer

    assert answer == SurveyAnswer(key="order_status", value=kept, score=None)
