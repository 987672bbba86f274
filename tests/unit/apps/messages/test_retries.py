"""A message that a producer has probably sent twice is recognized, and both are kept."""

from datetime import timedelta
from typing import Any

import pytest

from apps.messages.retries import Turns, retries_among
from tests.support.builders import HOME, NOON, entry
from tests.support.rows import bubbles_of

HOUR = timedelta(hours=1)


def sent(message_id: str, *, after: timedelta = timedelta(), **fields: Any) -> dict[str, Any]:
    """Return a message of one turn, queued some time after noon."""
    return entry(message_id=message_id, at=NOON + after, **fields).as_json(home=HOME)


def test_the_later_one_of_two_equal_messages_of_a_turn_is_marked() -> None:
    assert retries_among([sent("b", after=24 * HOUR), sent("a")]) == {"received:b"}
    assert [one.is_retry for one in bubbles_of(sent("a"), sent("b", after=HOUR))] == [False, True]


@pytest.mark.parametrize(
    "other",
    [
        sent("b", after=HOUR, text="other"),
        sent("b", after=HOUR, correlation_id="another turn"),
        sent("b", after=HOUR, event_type="message.sent"),
        sent("b", after=25 * HOUR),
        sent("a", after=HOUR),
    ],
)
def test_a_message_of_another_turn_text_type_or_day_is_no_retry(other: dict[str, Any]) -> None:
    assert retries_among([sent("a"), other]) == set()


@pytest.mark.parametrize("fields", [{"text": ""}, {"text": None}, {"correlation_id": ""}])
def test_messages_without_text_or_turn_are_no_retries(fields: dict[str, Any]) -> None:
    assert retries_among([sent("a", **fields), sent("b", after=HOUR, **fields)]) == set()


def test_each_retry_counts_once_however_often_it_is_repeated() -> None:
    turns = Turns()
    queued = ["a", "b", "b", "a", "c"]

    found = [turns.is_retry(sent(name, after=n * HOUR)) for n, name in enumerate(queued)]

    assert found == [False, True, False, False, True]
