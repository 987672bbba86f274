"""A transcript as rows that people read: plain data, which each page and command shows alike."""

from apps.messages.chat.building import chat
from apps.messages.chat.rows import (
    Bubble,
    Link,
    Piece,
    Reaction,
    Reference,
    Row,
    Separator,
    TimelineEntry,
    Version,
)

__all__ = [
    "Bubble",
    "Link",
    "Piece",
    "Reaction",
    "Reference",
    "Row",
    "Separator",
    "TimelineEntry",
    "Version",
    "chat",
]
