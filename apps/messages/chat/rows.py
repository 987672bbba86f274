"""The rows of a transcript: messages, and lines between them.

All texts can be shown as they are, but not as HTML. Times such as `when` are local.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """An http or https address, and what is shown of it: the host and the path."""

    address: str
    shown: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Something that a message carries besides its text, such as an image or an order.

    `kind` says what it is. `text` has a line for each detail, such as a caption.
    """

    kind: str
    text: str = ""
    link: Link | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """The message that another one answers or reacts to.

    `message_id` is the id by which it was named. The other fields are those of its row, and empty
    if the page has no such row. `excerpt` is the beginning of its text.
    """

    message_id: str
    anchor: str = ""
    author: str = ""
    when: str = ""
    excerpt: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaction:
    """A reaction to a message. `ended` is when its author removed or replaced it, or ""."""

    emoji: str
    author: str
    when: str
    ended: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version of a message: the original or an edit.

    `stamped` is the producer's time if it is not plausible, otherwise "". `more` has the fields
    that are in neither `text` nor `pieces`.
    """

    text: str
    pieces: Sequence[Piece]
    more: str
    when: str
    at: datetime
    stamped: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bubble:
    """The newest version of a message, with the earlier ones; `label` describes its event type.

    `anchor` identifies the row on its page. `dropped` is the number of further versions that the
    archive has not kept. `deleted_at` is when the author deleted the message, whose content is
    gone; it is "" for all other messages. If `is_retry`, an earlier message of the same turn has
    the same text, so the producer probably sent it twice. `status` is the last delivery status, or
    "".
    """

    kind: Literal["message"] = "message"
    anchor: str
    at: datetime
    when: str
    label: str
    is_of_contact: bool
    author: str
    text: str
    stamped: str
    answers: Reference | None
    pieces: Sequence[Piece]
    reactions: Sequence[Reaction]
    earlier: Sequence[Version]
    dropped: int
    more: str
    deleted_at: str
    is_retry: bool
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Separator:
    """A line between two messages: a new day, an answer, or the closing."""

    kind: Literal["separator"] = "separator"
    at: datetime
    when: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEntry:
    """Something other than a message, such as an answer or the closing, and its time."""

    at: datetime
    text: str


Row: TypeAlias = Bubble | Separator
