"""Reads the stored form of messages back, to compare it with what was written."""

from datetime import datetime
from typing import Any

from apps.messages.entries import MessageEntry, parse_place
from tests.support.builders import HOME


def read_entry(document: dict[str, Any], *, home: str = HOME) -> MessageEntry:
    """Return the entry that was stored as this document. Raise KeyError for missing fields."""
    return MessageEntry(
        message_id=document["id"],
        at=datetime.fromisoformat(document["created_at"]),
        stamped=document.get("stamped", ""),
        place=parse_place(document["place"], home=home),
        event_type=document["event_type"],
        correlation_id=document["correlation_id"],
        message=document["message"],
        extra=document.get("extra", {}),
    )
