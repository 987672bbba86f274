"""A transcript as a chat: messages with author and time, and answers and closings between them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from apps.common.console_access import readable
from apps.common.lossless_json import dump
from apps.conversations.models import CSAT_KEY, NPS_KEY
from apps.messages.event_types import EVENT_TYPES, label_of

SURVEYS = {CSAT_KEY: "CSAT", NPS_KEY: "NPS"}

# The fields of a message that a bubble shows outside `more`.
_BUBBLE_FIELDS = frozenset({"id", "message_id", "text", "contact_name", "created_at"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """The text of a message as first written, or as an edit changed it."""

    text: str
    when: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Bubble:
    """The newest version of a message, with the earlier ones; `label` describes its event type."""

    kind: Literal["message"] = "message"
    at: datetime
    when: str
    label: str
    is_of_contact: bool
    author: str
    text: str
    earlier: Sequence[Version]
    more: str


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


def chat(
    documents: Iterable[dict[str, Any]],
    *,
    timeline_entries: Iterable[TimelineEntry],
    contact_name: str,
    zone: ZoneInfo,
) -> list[Bubble | Separator]:
    """Return messages and timeline entries in order of time, with a separator for each day.

    `documents` have the archive's form. Times are in `zone`. Characters that neither PostgreSQL nor
    DynamoDB stores are shown as symbols.
    """
    bubbles = [_bubble(document, contact_name=contact_name, zone=zone) for document in documents]
    separators = [
        Separator(at=entry.at.astimezone(zone), when=_time(entry.at, zone), text=entry.text)
        for entry in timeline_entries
    ]
    return _with_day_separators(sorted([*bubbles, *separators], key=lambda item: item.at))


def _bubble(document: dict[str, Any], *, contact_name: str, zone: ZoneInfo) -> Bubble:
    versions = [_version(one, zone=zone) for one in (document, *document.get("edits", ()))]
    first, newest = versions[0], versions[-1]
    event_type = EVENT_TYPES.get(document["event_type"])
    label = readable(label_of(document["event_type"]))
    is_of_contact = event_type is not None and event_type.from_contact
    name = _text(document["message"].get("contact_name")) or contact_name or "Unnamed contact"
    # The label of an unknown type is its name: nothing here shows who wrote such a message.
    other = "Platform" if event_type else label
    return Bubble(
        at=first.at,
        when=first.when,
        label=label,
        is_of_contact=is_of_contact,
        author=name if is_of_contact else other,
        text=newest.text,
        earlier=versions[:-1],
        more=_more(document["message"]),
    )


def _version(document: dict[str, Any], *, zone: ZoneInfo) -> Version:
    at = datetime.fromisoformat(document["created_at"])
    return Version(
        text=_text(document["message"].get("text")), when=_time(at, zone), at=at.astimezone(zone)
    )


def _more(message: dict[str, Any]) -> str:
    """Return the remaining fields, such as attachments, as JSON; "" if only the source remains."""
    others = {
        name: value for name, value in message.items() if name not in _BUBBLE_FIELDS and value
    }
    if set(others) <= {"source"}:
        return ""
    return readable(dump(others))


def _text(value: Any) -> str:
    if value is None:
        return ""
    return readable(value if isinstance(value, str) else dump(value))


def _with_day_separators(items: Sequence[Bubble | Separator]) -> list[Bubble | Separator]:
    """Return the items, with a separator before the first item of each day."""
    separated: list[Bubble | Separator] = []
    for item in items:
        if not separated or separated[-1].at.date() != item.at.date():
            day = f"{item.at:%A}, {item.at.day} {item.at:%B %Y}"
            separated.append(Separator(at=item.at, when="", text=day))
        separated.append(item)
    return separated


def _time(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%H:%M}"
