"""Makes the rows of a transcript from messages in the archive's form."""

from typing import Any
from zoneinfo import ZoneInfo

from apps.messages.chat import Bubble, TimelineEntry, chat
from tests.support.builders import HOME, NOON
from tests.support.console import chat_entry


def message(number: int = 0, text: Any = "hello", **fields: Any) -> dict[str, Any]:
    """Return a message in the archive's form, `number` minutes after noon."""
    return chat_entry(number, text, at=NOON, **fields).as_json(home=HOME)


def rows_of(
    *documents: dict[str, Any], timeline_entries: list[TimelineEntry] | None = None
) -> list[Any]:
    """Return the rows of these messages, with times in São Paulo."""
    return chat(
        documents,
        timeline_entries=timeline_entries or [],
        contact_name="Ana Stored",
        zone=ZoneInfo("America/Sao_Paulo"),
    )


def bubbles_of(*documents: dict[str, Any]) -> list[Bubble]:
    """Return the rows of these messages that are messages."""
    return [row for row in rows_of(*documents) if isinstance(row, Bubble)]


def bubble_of(document: dict[str, Any]) -> Bubble:
    """Return the row of one message."""
    (bubble,) = bubbles_of(document)
    return bubble
