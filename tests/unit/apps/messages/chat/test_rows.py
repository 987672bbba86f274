"""An archived conversation is shown as a chat."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.template.loader import render_to_string
from hypothesis import given
from hypothesis import strategies as st

from apps.common.console_access import readable
from apps.common.lossless_json import escape
from apps.messages.chat import Separator, TimelineEntry
from operations.transcript_text import lines_of
from tests.support.builders import HOME, NOON
from tests.support.console import chat_entry
from tests.support.rows import bubbles_of, message, rows_of


def test_messages_of_the_contact_and_of_the_platform_differ() -> None:
    theirs, ours = bubbles_of(message(0), message(1, sent=True))

    assert (theirs.is_of_contact, theirs.author) == (True, "Ana Stored")
    assert (ours.is_of_contact, ours.author) == (False, "Platform")


def test_a_message_has_the_label_of_its_event_type() -> None:
    theirs, ours = bubbles_of(message(0), message(1, sent=True))

    assert (theirs.label, ours.label) == ("Message from the contact", "Message to the contact")


def test_a_stored_message_of_an_unknown_type_is_readable() -> None:
    (bubble,) = bubbles_of({**message(), "event_type": "message.\\u0000whispered"})

    assert (bubble.is_of_contact, bubble.text) == (False, "hello")
    assert bubble.label == bubble.author == "message.␀whispered"


def test_a_message_has_the_contact_name_of_its_event() -> None:
    (bubble,) = bubbles_of(message(more={"contact_name": "Ana Now"}))

    assert bubble.author == "Ana Now"


def test_a_text_in_an_object_is_shown_as_text_and_the_object_below_it() -> None:
    (bubble,) = bubbles_of(message(0, {"body": "olá", "preview_url": False}))

    assert bubble.text == "olá"
    assert '"preview_url":false' in bubble.more


def test_times_are_local() -> None:
    day, bubble = rows_of(message())

    assert (day.text, bubble.when) == ("Monday, 23 November 2026", "09:00")


def test_an_edited_message_has_the_newest_text_and_its_earlier_versions() -> None:
    first = message(0, "one")
    first["edits"] = [message(1, "two"), message(2, "three")]

    (bubble,) = bubbles_of(first)

    assert bubble.text == "three"
    assert [(one.text, one.when) for one in bubble.earlier] == [("one", "09:00"), ("two", "09:01")]


def test_timeline_entries_are_between_messages_by_time() -> None:
    answer = TimelineEntry(at=NOON + timedelta(minutes=1), text="CSAT answer: 5")

    _, before, between, after = rows_of(message(0), message(2), timeline_entries=[answer])

    assert isinstance(between, Separator)
    assert (before.when, between.when, after.when) == ("09:00", "09:01", "09:02")


def test_each_local_day_has_a_heading() -> None:
    # 03:00 UTC is midnight in São Paulo.
    evening = datetime(2026, 11, 24, 2, 59, tzinfo=UTC)
    items = [chat_entry(number, "x", at=evening).as_json(home=HOME) for number in (0, 1)]

    headings = [item.text for item in rows_of(*items) if isinstance(item, Separator)]

    assert headings == ["Monday, 23 November 2026", "Tuesday, 24 November 2026"]


@pytest.mark.parametrize("name", [None, "", " ", {}])
def test_a_message_with_a_blank_contact_name_has_that_of_the_conversation(name: Any) -> None:
    (bubble,) = bubbles_of(message(more={"contact_name": name}))

    assert bubble.author == "Ana Stored"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (12, "12"),
        (0, "0"),
        (False, "false"),
        ([1], "[1]"),
        ({"body": 5}, "5"),
        ({"body": ["a"]}, '{"body":["a"]}'),
        ({"other": "a"}, '{"other":"a"}'),
        ("  a ", "  a "),
    ],
)
def test_a_text_that_is_not_a_string_is_shown(text: Any, shown: str) -> None:
    (bubble,) = bubbles_of(message(0, text))

    assert (bubble.text, bubble.more) == (shown, "")


@pytest.mark.parametrize(
    "text",
    [None, "", " \n\t\u3000", [], {}, {"body": ""}, {"body": None}, {"body": " "}, {"body": {}}],
)
def test_a_message_without_a_text_says_so(text: Any) -> None:
    rows = rows_of(message(0, text))

    assert "No text" in render_to_string("console/rows.html", {"rows": rows})
    assert "    (no text)" in lines_of(rows)


def test_the_other_fields_of_an_object_without_a_text_are_shown() -> None:
    (bubble,) = bubbles_of(message(0, {"body": "", "preview_url": False}))

    assert (bubble.text, bubble.more) == ("", '{"text":{"preview_url":false}}')


def test_characters_that_no_store_accepts_are_shown_as_symbols() -> None:
    assert readable(escape("a\0b\ud83dc\\u0041")) == "a␀b�c\\u0041"


@given(st.text())
def test_every_stored_text_can_be_sent_to_a_browser(text: str) -> None:
    shown = readable(escape(text))

    assert shown.encode().decode() == shown
    assert "\0" not in shown
    assert len(shown) == len(text)
