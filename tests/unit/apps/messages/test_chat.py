"""A transcript as a chat."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.common.console_access import readable
from apps.common.lossless_json import escape
from apps.messages.chat import Bubble, Separator, TimelineEntry, chat
from tests.support.builders import NOON
from tests.support.console import said

SAO_PAULO = ZoneInfo("America/Sao_Paulo")


def chatted(
    *documents: dict[str, Any], timeline_entries: list[TimelineEntry] | None = None
) -> list[Any]:
    """The chat of these messages, in São Paulo."""
    return chat(
        documents,
        timeline_entries=timeline_entries or [],
        contact_name="Ana Stored",
        zone=SAO_PAULO,
    )


def message(number: int = 0, text: Any = "hello", **fields: Any) -> dict[str, Any]:
    """A message in the archive's form."""
    return said(number, text, at=NOON, **fields).as_json()


def bubbles(items: list[Any]) -> list[Bubble]:
    """Only the messages."""
    return [item for item in items if isinstance(item, Bubble)]


def test_the_contact_and_the_platform_are_told_apart() -> None:
    theirs, ours = bubbles(chatted(message(0), message(1, sent=True)))

    assert (theirs.is_of_contact, theirs.author) == (True, "Ana Stored")
    assert (ours.is_of_contact, ours.author) == (False, "Platform")


def test_a_message_says_what_type_of_event_brought_it() -> None:
    theirs, ours = bubbles(chatted(message(0), message(1, sent=True)))

    assert (theirs.label, ours.label) == ("Message from the contact", "Message to the contact")


def test_a_stored_message_of_an_unknown_type_is_readable() -> None:
    (bubble,) = bubbles(chatted({**message(), "event_type": "message.\\u0000whispered"}))

    assert (bubble.is_of_contact, bubble.text) == (False, "hello")
    assert bubble.label == bubble.author == "message.␀whispered"


def test_a_message_has_the_name_that_came_with_it() -> None:
    (bubble,) = bubbles(chatted(message(more={"contact_name": "Ana Now"})))

    assert bubble.author == "Ana Now"


def test_times_are_local() -> None:
    day, bubble = chatted(message())

    assert (day.text, bubble.when) == ("Monday, 23 November 2026", "09:00")


def test_an_edit_shows_the_newest_text_and_keeps_the_ones_before() -> None:
    first = message(0, "one")
    first["edits"] = [message(1, "two"), message(2, "three")]

    (bubble,) = bubbles(chatted(first))

    assert bubble.text == "three"
    assert [(one.text, one.when) for one in bubble.earlier] == [("one", "09:00"), ("two", "09:01")]


def test_what_happened_stands_where_it_happened() -> None:
    answer = TimelineEntry(at=NOON + timedelta(minutes=1), text="CSAT answer: 5")

    _, before, between, after = chatted(message(0), message(2), timeline_entries=[answer])

    assert isinstance(between, Separator)
    assert (before.when, between.when, after.when) == ("09:00", "09:01", "09:02")


def test_each_local_day_has_a_heading() -> None:
    # 03:00 UTC is midnight in São Paulo.
    evening = datetime(2026, 11, 24, 2, 59, tzinfo=UTC)
    items = [said(number, "x", at=evening).as_json() for number in (0, 1)]

    headings = [item.text for item in chatted(*items) if isinstance(item, Separator)]

    assert headings == ["Monday, 23 November 2026", "Tuesday, 24 November 2026"]


@pytest.mark.parametrize(("text", "shown"), [(None, ""), ("", ""), (12, "12"), ([1], "[1]")])
def test_a_text_that_is_none_is_shown_too(text: Any, shown: str) -> None:
    (bubble,) = bubbles(chatted(message(0, text)))

    assert bubble.text == shown


def test_fields_without_a_place_are_shown_as_json() -> None:
    (bubble,) = bubbles(chatted(message(more={"source": "incoming", "attachments": ["a.png"]})))
    (plain,) = bubbles(chatted(message(more={"source": "incoming"})))

    assert bubble.more == '{"attachments":["a.png"],"source":"incoming"}'
    assert plain.more == ""


def test_what_no_store_holds_is_shown_as_symbols() -> None:
    assert readable(escape("a\0b\ud83dc\\u0041")) == "a␀b�c\\u0041"


@given(st.text())
def test_every_stored_text_can_be_sent_to_a_browser(text: str) -> None:
    shown = readable(escape(text))

    assert shown.encode().decode() == shown
    assert "\0" not in shown
    assert len(shown) == len(text)
