"""A transcript as a chat: what was written, by whom, when, and what happened in between."""

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

# What a bubble shows by itself.
_SHOWN = frozenset({"id", "message_id", "text", "contact_name", "created_at"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """The text of a message, as it was written or as it was changed later."""

    text: str
    when: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Bubble:
    """A message in its newest version, with the ones before; `label` is its event type in words."""

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
    """Something between two messages: a new day, an answer, the closing."""

    kind: Literal["separator"] = "separator"
    at: datetime
    when: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEntry:
    """What is no message, and when it happened."""

    at: datetime
    text: str


def chat(
    documents: Iterable[dict[str, Any]],
    *,
    timeline_entries: Iterable[TimelineEntry],
    contact_name: str,
    zone: ZoneInfo,
) -> list[Bubble | Separator]:
    """Messages (in the archive's form) and happenings in the order of time, day by day.

    Times are local. Characters that no store holds are shown as symbols.
    """
    bubbles = [_bubble(document, contact_name=contact_name, zone=zone) for document in documents]
    separators = [
        Separator(at=one.at.astimezone(zone), when=_time(one.at, zone), text=one.text)
        for one in timeline_entries
    ]
    return _with_days(sorted([*bubbles, *separators], key=lambda one: one.at))


def _bubble(document: dict[str, Any], *, contact_name: str, zone: ZoneInfo) -> Bubble:
    versions = [_version(one, zone=zone) for one in (document, *document.get("edits", ()))]
    first, newest = versions[0], versions[-1]
    event_type = EVENT_TYPES.get(document["event_type"])
    label = readable(label_of(document["event_type"]))
    is_of_contact = event_type is not None and event_type.from_contact
    name = _text(document["message"].get("contact_name")) or contact_name or "Unnamed contact"
    # Who wrote a message of an unknown type is not known either.
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
    """Fields that are no chat, as JSON: attachments, for example."""
    others = {name: value for name, value in message.items() if name not in _SHOWN and value}
    if set(others) <= {"source"}:
        return ""
    return readable(dump(others))


def _text(value: Any) -> str:
    if value is None:
        return ""
    return readable(value if isinstance(value, str) else dump(value))


def _with_days(items: Sequence[Bubble | Separator]) -> list[Bubble | Separator]:
    """With a separator before the first item of each day."""
    together: list[Bubble | Separator] = []
    for item in items:
        if not together or together[-1].at.date() != item.at.date():
            day = f"{item.at:%A}, {item.at.day} {item.at:%B %Y}"
            together.append(Separator(at=item.at, when="", text=day))
        together.append(item)
    return together


def _time(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%H:%M}"
