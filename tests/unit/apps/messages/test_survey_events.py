"""Survey answers are fields of messages from the contact."""

from typing import Any

import pytest

from apps.common.errors import InvalidEvent
from apps.messages.events import SurveyAnswer
from apps.messages.reading import parse_event
from tests.support.builders import arrival, message_body, survey_body


def parsed(body: str) -> Any:
    return parse_event(body=body, arrival=arrival())


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


def test_key_and_value_in_data_come_before_those_at_the_top_level() -> None:
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
    ("key", "value"),
    [
        ("weni_csat", "0"),
        ("weni_csat", "6"),
        ("weni_csat", "9"),
        ("weni_csat", ""),
        ("weni_csat", None),
        ("weni_csat", True),
        ("weni_csat", "4.5"),
        ("weni_csat", "\N{ARABIC-INDIC DIGIT FIVE}"),
        ("weni_csat", [5]),
        ("weni_nps", "11"),
        ("weni_nps", "-1"),
        ("weni_nps", "good"),
    ],
)
def test_a_score_out_of_range_is_refused(key: str, value: Any) -> None:
    with pytest.raises(InvalidEvent) as caught:
        parsed(survey_body(key=key, value=value))
    assert caught.value.reason == "score_out_of_range"


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
def test_custom_events_carry_any_value_and_no_score(value: Any, kept: str) -> None:
    answer = parsed(survey_body(key="order_status", value=value)).answer

    assert answer == SurveyAnswer(key="order_status", value=kept, score=None)
