"""Making the rows of a transcript from messages in the archive's form."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.formats import date_format
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from apps.common.console_access import readable
from apps.messages.chat.contents import Contents, contents_of, shown_text
from apps.messages.chat.references import Draft, Page
from apps.messages.chat.rows import Bubble, Piece, Row, Separator, TimelineEntry, Version
from apps.messages.event_types import EVENT_TYPES, label_of
from apps.messages.retries import retries_among
from apps.messages.version_bounds import dropped_count
from apps.messages.versions import Document, identity, versions_of


def chat(
    documents: Iterable[Document],
    *,
    timeline_entries: Iterable[TimelineEntry],
    contact_name: str,
    zone: ZoneInfo,
) -> list[Row]:
    """Return messages and timeline entries in order of time, with a separator for each day.

    `documents` are the messages of one page in the archive's form. Any JSON can be in the fields of
    a message. A reaction is under its message if that is on the page. Times are in `zone`.
    Characters that neither PostgreSQL nor DynamoDB stores are shown as symbols.
    """
    documents = list(documents)
    drafts = [
        _draft(document, anchor=f"m-{number}", contact_name=contact_name, zone=zone)
        for number, document in enumerate(documents, 1)
    ]
    page = Page(drafts)
    retries = retries_among(documents)
    bubbles = [
        _bubble(draft, page=page, is_retry=identity(draft.document) in retries, zone=zone)
        for draft in drafts
        if not page.has_elsewhere(draft)
    ]
    separators = [
        Separator(at=entry.at.astimezone(zone), when=_time(entry.at, zone), text=entry.text)
        for entry in timeline_entries
    ]
    return _with_day_separators(sorted([*bubbles, *separators], key=lambda row: row.at))


def _draft(document: Document, *, anchor: str, contact_name: str, zone: ZoneInfo) -> Draft:
    stored = versions_of(document)
    contents = [contents_of(version) for version in stored]
    versions = [_version(*pair, zone=zone) for pair in zip(stored, contents, strict=True)]
    event_type = EVENT_TYPES.get(document["event_type"])
    label = readable(label_of(document["event_type"]))
    is_of_contact = event_type is not None and event_type.from_contact
    name = shown_text(stored[-1]["message"].get("contact_name") or None).strip()
    # The author of a message of unknown type is unknown, so its type is shown instead.
    other = _("Platform") if event_type else label
    return Draft(
        document=document,
        message_id=readable(document["id"]),
        anchor=anchor,
        at=versions[0].at,
        when=versions[0].when,
        author=(name or contact_name or _("Unnamed contact")) if is_of_contact else other,
        label=label,
        is_of_contact=is_of_contact,
        contents=contents[-1],
        versions=versions,
    )


def _bubble(draft: Draft, *, page: Page, is_retry: bool, zone: ZoneInfo) -> Bubble:
    contents = draft.contents
    return Bubble(
        anchor=draft.anchor,
        at=draft.at,
        when=draft.when,
        label=draft.label,
        is_of_contact=draft.is_of_contact,
        author=draft.author,
        text=contents.text,
        stamped=draft.versions[0].stamped,
        answers=page.reference(contents.answers_id, of=draft),
        pieces=_pieces(contents),
        reactions=page.reactions(draft),
        earlier=_changed(draft.versions)[:-1],
        dropped=dropped_count(draft.document),
        more=contents.more,
        deleted_at=_deleted_at(draft.document, zone),
        is_retry=is_retry,
        status=readable(draft.document.get("status", "")),
    )


def _pieces(contents: Contents) -> list[Piece]:
    if contents.reaction is None:
        return list(contents.pieces)
    kind = _("Reaction removed") if contents.reaction.is_removal else _("Reaction")
    return [Piece(kind=kind, text=contents.reaction.emoji), *contents.pieces]


def _deleted_at(document: Document, zone: ZoneInfo) -> str:
    deleted = document.get("deleted")
    if not deleted:
        return ""
    at = datetime.fromisoformat(deleted["at"]).astimezone(zone)
    return f"{date_format(at, 'DATE_FORMAT')} {at:%H:%M}"


def _version(document: Document, contents: Contents, *, zone: ZoneInfo) -> Version:
    at = datetime.fromisoformat(document["created_at"])
    return Version(
        text=contents.text,
        pieces=_pieces(contents),
        more=contents.more,
        when=_time(at, zone),
        at=at.astimezone(zone),
        stamped=readable(document.get("stamped", "")),
    )


def _changed(versions: Sequence[Version]) -> list[Version]:
    """Return the versions without those that look the same as the version before them."""
    changed: list[Version] = []
    for version in versions:
        if not changed or _content(changed[-1]) != _content(version):
            changed.append(version)
    return changed


def _content(version: Version) -> tuple[Any, ...]:
    return version.text, version.pieces, version.more


def _with_day_separators(rows: Sequence[Row]) -> list[Row]:
    """Return the rows, with a separator before the first row of each day."""
    separated: list[Row] = []
    for row in rows:
        if not separated or separated[-1].at.date() != row.at.date():
            # Translators: the letters are those of Django's template filter "date".
            day = capfirst(date_format(row.at, pgettext("format of a day", "l, j F Y")))
            separated.append(Separator(at=row.at, when="", text=day))
        separated.append(row)
    return separated


def _time(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%H:%M}"
