"""The content of one version of a message: its text, what it carries, and all other fields."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from apps.common.console_access import readable_json
from apps.messages.chat.fields import Fields, inside, plain, take, without_empty
from apps.messages.chat.forms import take_forms
from apps.messages.chat.media import take_media
from apps.messages.chat.rows import Piece
from apps.messages.versions import Document

# The fields of a message that its row shows itself.
_OF_THE_ROW = frozenset({"id", "message_id", "text", "contact_name", "created_at"})
_REPLY_FIELDS = ("reply_to", "reply_to_message", "context", "in_reply_to")
_USUAL_SOURCES = tuple({"source": source} for source in ("incoming", "outgoing", "system"))
_ID_FIELDS = ("message_id", "id", "mid")


@dataclass(frozen=True, slots=True, kw_only=True)
class SentReaction:
    """A reaction to the message with an id, or the removal of one, which may name no emoji."""

    message_id: str
    emoji: str
    is_removal: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """The content of a version. All texts can be shown.

    `answers_id` is the id of the message that it answers or reacts to, or "". `more` are the fields
    that nothing else shows, as JSON.
    """

    text: str
    pieces: Sequence[Piece]
    answers_id: str
    reaction: SentReaction | None
    more: str


def contents_of(version: Document) -> Contents:
    """Return the content of a version, whatever JSON its fields have."""
    message = version["message"]
    fields = {name: value for name, value in message.items() if name not in _OF_THE_ROW}
    text, text_fields = _text(message.get("text"))
    if text_fields:
        fields["text"] = text_fields
    reaction = _take_reaction(fields)
    pieces = [*take_media(fields), *take_forms(fields)]
    rest = dict(fields)
    answers_id = _take_answered(rest)
    # A row refers to one message. If a reaction also answers another one, that is shown as JSON.
    if reaction is None or answers_id == reaction.message_id:
        fields = rest
    # The type only names the field that has the content.
    if fields.get("type") in ("text", *message):
        take(fields, "type")
    return Contents(
        text=text,
        pieces=pieces,
        answers_id=reaction.message_id if reaction else answers_id,
        reaction=reaction,
        more=_more(fields, version.get("extra")),
    )


def shown_text(value: Any) -> str:
    """Return a text or a number as it is, "" for None, and any other value as JSON."""
    return "" if value is None else plain(value) or readable_json(value)


def _text(value: Any) -> tuple[str, Fields]:
    """Return the text of a message, and the rest of its field if the text stands in an object.

    The text is "" if it has only blanks, because then a page shows nothing of it.
    """
    rest = dict(value) if isinstance(value, dict) else {}
    text = take(rest, "body")
    if not text and without_empty(rest.get("body", value)) is not None:
        # Any other value is shown whole.
        text, rest = shown_text(value), {}
    return text if text.strip() else "", rest


def _take_reaction(fields: Fields) -> SentReaction | None:
    reaction = inside(fields, "reaction")
    message_id = take(reaction, *_ID_FIELDS)
    if not message_id:
        return None
    is_removed = reaction.get("action") == "unreact"
    emoji = take(reaction, "emoji", "reaction")
    if reaction.get("action") in ("react", "unreact"):
        take(reaction, "action")
    return SentReaction(message_id=message_id, emoji=emoji, is_removal=is_removed or not emoji)


def _take_answered(fields: Fields) -> str:
    """Take the id of the message that a message answers."""
    for name in _REPLY_FIELDS:
        if answered := take(fields, name) or take(inside(fields, name), *_ID_FIELDS):
            return answered
    return ""


def _more(fields: Fields, extra: Any) -> str:
    """Return the remaining fields of a message and its event; "" if only a usual source remains."""
    rest, of_event = without_empty(fields), without_empty(extra)
    if rest in _USUAL_SOURCES and not of_event:
        return ""
    return "\n".join(readable_json(part) for part in (rest, of_event) if part)
