"""The tables of times, scores and resolutions in docs/events.md say what is read."""

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest

from apps.common.errors import InvalidEvent
from apps.conversations.scores import NoScore
from apps.messages.entries import timestamp
from apps.messages.reading import parse_event
from tests.support.builders import close_body, message_body, place, survey_body
from tests.support.pages import page, table_of

EVENTS = page("docs/events.md")
QUEUED_AT = datetime(2026, 1, 31, 12, tzinfo=UTC)


def value_of(cell: str) -> Any:
    """Return the value that a cell shows as JSON in a code span."""
    return json.loads(cell.strip("`"))


def read(body: str) -> Any:
    return parse_event(body=body, place=place(queue_time=QUEUED_AT))


@pytest.mark.parametrize(("cell", "meaning"), table_of(EVENTS, head="a time in JSON"))
def test_a_time_is_read_as_the_page_says(cell: str, meaning: str) -> None:
    body = message_body(message={"created_at": value_of(cell)})

    if problem := meaning.partition("refused: ")[2]:
        with pytest.raises(InvalidEvent) as caught:
            read(body)
        assert caught.value.reason == "malformed_field"
        assert caught.value.message.startswith(f"data.message.created_at: {problem}; write it like")
        return
    event = read(body)
    at, _, stamped = meaning.partition('; the transcript shows "stamped ')
    expected = timestamp(QUEUED_AT if at == "the queue time" else datetime.fromisoformat(at))
    assert (timestamp(event.at), event.entry.stamped) == (expected, stamped.removesuffix('"'))
    assert event.entry.message["created_at"] == value_of(cell)


SCORES = table_of(EVENTS, head="a value in JSON")


@pytest.mark.parametrize("number", [1, 2], ids=["weni_csat", "weni_nps"])
@pytest.mark.parametrize("row", SCORES, ids=[row[0] for row in SCORES])
def test_a_value_has_the_score_that_the_page_says(row: list[str], number: int) -> None:
    key = ("weni_csat", "weni_nps")[number - 1]

    answer = read(survey_body(key=key, value=value_of(row[0]))).answer

    shown = f"none: `{answer.problem}`" if answer.problem else str(answer.score)
    assert shown == row[number]


def test_the_page_has_an_example_of_every_reason_for_no_score() -> None:
    shown = {word for row in SCORES for cell in row for word in re.findall(r"none: `(\w+)`", cell)}

    assert shown == set(NoScore.values)


@pytest.mark.parametrize(("cells", "meaning"), table_of(EVENTS, head="`resolution`"))
def test_a_resolution_is_read_as_the_page_says(cells: str, meaning: str) -> None:
    values = [json.loads(cell) for cell in re.findall(r"`([^`]+)`", cells)]

    assert values
    for value in values:
        if meaning == "refused":
            with pytest.raises(InvalidEvent) as caught:
                read(close_body(resolution=value))
            assert caught.value.reason == "malformed_field"
        else:
            assert read(close_body(resolution=value)).resolution.label.lower() == meaning


@pytest.mark.parametrize("key", ["weni_csat", " WENI_CSAT ", "Weni_Csat\n"])
def test_blanks_and_capitals_of_the_key_of_a_survey_do_not_matter(key: str) -> None:
    answer = read(survey_body(key=key, value="4")).answer

    assert (answer.key, answer.score) == ("weni_csat", 4)
