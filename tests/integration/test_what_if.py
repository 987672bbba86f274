"""Each row of the table "What if" in docs/events.md is true."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from apps.analytics.models import OutboxEvent, SurveyAnswer
from apps.conversations.models import Conversation, Resolution
from apps.messages.retries import retries_among
from apps.messages.transcript import transcript
from tests.support.builders import (
    NOON,
    close_body,
    deletion_body,
    deliver,
    deliver_bodies,
    message_body,
    queued_event,
    status_body,
    survey_body,
    window_body,
)

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("aws", "outbox_hints"),
]

PAGE = Path(__file__).resolve().parents[2] / "docs" / "events.md"
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
TAKEOVER = window_body(data={"has_chats_room": True})


def chat(
    number: int = 1, *, text: str = "hello", at: str = "", turn: str = "t", **more: Any
) -> str:
    """Return a message with this id."""
    message = {"id": f"m-{number}", "text": text, "created_at": at or NOON.isoformat()}
    return message_body(message=message, event={"correlation_id": turn}, **more)


def only() -> Conversation:
    """Return the only conversation."""
    return Conversation.objects.get()


def texts() -> list[str]:
    """Return the latest text of each message of the only conversation."""
    return [
        (document.get("edits") or [document])[-1]["message"]["text"]
        for document in transcript(only())
    ]


def stamped_2099() -> None:
    deliver_bodies(bodies=[chat(at="2099-01-01T00:00:00Z")])
    (document,) = transcript(only())
    assert document["created_at"] == "2026-11-23T12:00:00.000000Z"
    assert document["stamped"] == "2099-01-01T00:00:00Z"


def clock_behind() -> None:
    deliver_bodies(bodies=[chat(1), close_body(), chat(2, at=(NOON - 3 * SECOND).isoformat())])
    assert Conversation.objects.count() == 2


def queued_after_the_close() -> None:
    deliver_bodies(bodies=[chat(1), chat(2), close_body()])
    deliver_bodies(bodies=[chat(3)], sent_at=NOON + MINUTE)
    assert Conversation.objects.get(ended_at=None).opened_at == NOON + MINUTE


def sent_again() -> None:
    deliver_bodies(bodies=[chat(), chat()])
    (document,) = transcript(only())
    assert "edits" not in document


def back_to_a() -> None:
    deliver_bodies(bodies=[chat(text=text, turn=turn) for text, turn in ("A1", "B2", "A3")])
    assert texts() == ["A"]
    deliver_bodies(bodies=[chat(text="B", turn="2")], sent_at=NOON + MINUTE)
    assert texts() == ["A"]


def both_directions() -> None:
    deliver_bodies(bodies=[chat(), chat(event_type="message.sent")])
    assert len(transcript(only())) == 2


def ids_start_again() -> None:
    deliver_bodies(bodies=[chat(), survey_body(), close_body(), chat(), survey_body()])
    assert list(Conversation.objects.values_list("csat", flat=True)) == [5, 5]
    assert [len(transcript(one)) for one in Conversation.objects.all()] == [1, 1]


def form() -> None:
    answers = (("weni_csat", "2"), ("weni_nps", "9"), ("comment", "slow"))
    deliver_bodies(bodies=[chat(), *(survey_body(key=key, value=value) for key, value in answers)])
    assert set(SurveyAnswer.objects.values_list("key", "value")) == set(answers)
    assert (only().csat, only().nps) == (2, 9)


def same_answer_later() -> None:
    other = survey_body(value="1", message={"id": "answer-2"})
    deliver_bodies(bodies=[chat(), survey_body(), other, survey_body()])
    assert only().csat == 5
    assert SurveyAnswer.objects.count() == 2


def text_after_the_close() -> None:
    answer = chat(2, text="five!", data={"key": "weni_csat", "value": "5"})
    deliver_bodies(bodies=[chat(), close_body(), answer])
    assert only().csat == 5
    assert texts() == ["hello", "five!"]


def without_a_conversation() -> None:
    deliver_bodies(bodies=[chat(2, text="five!", data={"key": "weni_csat", "value": "5"})])
    assert not Conversation.objects.exists()
    answer = SurveyAnswer.objects.get()
    assert answer.message
    assert (answer.score, answer.message["text"]) == (5, "five!")


def csat_of_9() -> None:
    wrong = survey_body(value="9", message={"id": "answer-2"})
    deliver_bodies(bodies=[chat(), survey_body(value="3"), wrong])
    assert only().csat == 3
    assert SurveyAnswer.objects.get(value="9").problem == "out_of_range"
    assert OutboxEvent.objects.count() == 1


def csat_in_words() -> None:
    answer = chat(2, text="Excellent!", data={"key": "weni_csat", "value": "Excellent"})
    deliver_bodies(bodies=[chat(), survey_body(value="3"), answer])
    assert texts() == ["hello", "Excellent!"]
    assert only().csat == 3
    assert SurveyAnswer.objects.get(value="Excellent").problem == "not_a_number"
    assert OutboxEvent.objects.count() == 1


def two_types() -> None:
    attributes = {"event_type": "conversation.close"}
    assert deliver(event=queued_event(body=chat(), attributes=attributes)) is None
    assert only().resolution == Resolution.IN_PROGRESS
    assert len(transcript(only())) == 1


def two_groups() -> None:
    deliver_bodies(bodies=[chat()])
    other = queued_event(body=chat(2), group_id="other", sent_at=NOON + SECOND)
    for _ in range(2):
        assert deliver(event=other) is None
    assert len(transcript(only())) == 2


def deleted_before_it_arrives() -> None:
    deliver_bodies(bodies=[chat(1), deletion_body(message_id="m-2"), chat(2, text="secret")])
    assert [document["message"].get("text") for document in transcript(only())] == ["hello", None]


def sent_after_its_deletion() -> None:
    deliver_bodies(bodies=[chat(1), deletion_body(), chat(1), chat(1, text="edited", turn="t-2")])
    (document,) = transcript(only())
    assert document["deleted"]
    assert "hello" not in str(document)
    assert "edited" not in str(document)


def deleted_after_the_close() -> None:
    deliver_bodies(bodies=[chat(1), close_body(), chat(2), deletion_body()])
    closed = Conversation.objects.get(resolution=Resolution.RESOLVED)
    (document,) = transcript(closed)
    assert document["deleted"]
    assert "hello" not in str(document)


def takeover_after_the_close() -> None:
    deliver_bodies(bodies=[chat(), close_body(), TAKEOVER])
    assert only().resolution == Resolution.HAS_CHAT_ROOM


def takeover_without_a_conversation() -> None:
    deliver_bodies(bodies=[TAKEOVER])
    assert only().resolution == Resolution.HAS_CHAT_ROOM


def takeover_reported_twice() -> None:
    ticket = window_body(data={"has_chats_room": True, "ticket_uuid": "t-1"})
    deliver_bodies(bodies=[chat(), TAKEOVER, ticket])
    assert only().resolution == Resolution.HAS_CHAT_ROOM
    assert (only().external_id, only().ticket_uuid) == ("w-1", "t-1")


def retried_turn() -> None:
    deliver_bodies(bodies=[chat(1), chat(2)])
    assert retries_among(transcript(only())) == {"received:m-2"}


def status_without_its_message() -> None:
    deliver_bodies(bodies=[status_body()])
    assert not Conversation.objects.exists()
    deliver_bodies(bodies=[chat(), close_body(), status_body()])
    assert only().resolution == Resolution.RESOLVED


def redriven_after_the_close() -> None:
    deliver_bodies(bodies=[chat(1)])
    deliver_bodies(bodies=[close_body()], sent_at=NOON + MINUTE)
    deliver_bodies(bodies=[chat(2)], sent_at=NOON + SECOND)
    assert only().resolution == Resolution.RESOLVED
    assert only().message_count == 2


CASES: dict[str, Callable[[], None]] = {
    "a message is stamped 2099": stamped_2099,
    "a producer's clock is three seconds behind": clock_behind,
    "a message is queued after the close, and stamped before it": queued_after_the_close,
    "an event is sent again with the same body": sent_again,
    "a text is edited to B and back to A": back_to_a,
    "a received and a sent message have the same id": both_directions,
    "a producer starts its message ids again in each session": ids_start_again,
    "a form sends CSAT, NPS and a comment with one id": form,
    "the same answer comes again later": same_answer_later,
    "a CSAT answer with a text comes after the close": text_after_the_close,
    "an answer comes from a contact without a conversation": without_a_conversation,
    "the body and the message attribute name different types": two_types,
    "the value of a CSAT answer is 9": csat_of_9,
    "the value of a CSAT answer is a word, and it comes with a text": csat_in_words,
    "a contact has events in two groups": two_groups,
    "a message is deleted by its author before it arrives": deleted_before_it_arrives,
    "a deleted message is edited or sent again": sent_after_its_deletion,
    "a message of an earlier conversation is deleted": deleted_after_the_close,
    "a human takes over after the close": takeover_after_the_close,
    "a human takes over, and the contact has no conversation": takeover_without_a_conversation,
    "a takeover is reported twice": takeover_reported_twice,
    "a turn is retried with new message ids": retried_turn,
    "a delivery status comes before its message, or for a conversation that is closed": (
        status_without_its_message
    ),
    "a dead letter is redriven after the close": redriven_after_the_close,
}


@pytest.mark.parametrize("question", CASES)
def test_what_the_page_says_happens(question: str) -> None:
    CASES[question]()


def test_the_page_has_exactly_these_questions() -> None:
    section = PAGE.read_text(encoding="utf-8").partition("## What if\n")[2].partition("\n## ")[0]
    rows = [line.split("|")[1].strip() for line in section.splitlines() if line.startswith("|")]
    assert rows[2:] == list(CASES)
