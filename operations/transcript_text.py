"""A transcript as lines of text, for a terminal. The console shows the same rows as a page."""

from collections.abc import Iterable, Iterator
from zoneinfo import ZoneInfo

from apps.common.console_access import readable
from apps.conversations.models import Conversation
from apps.messages.chat import Bubble, Piece, Reaction, Reference, Row, Version, chat
from apps.messages.chat.timeline import timeline_of
from apps.messages.transcript import transcript

# What people wrote is indented, so that it cannot look like the line above a message.
_INDENT = "    "


def transcript_lines(conversation: Conversation) -> Iterator[str]:
    """Yield the lines of a conversation's transcript, with local times. Raise Unavailable."""
    rows = chat(
        transcript(conversation),
        timeline_entries=timeline_of(conversation),
        contact_name=readable(conversation.contact_name),
        zone=ZoneInfo(conversation.project.timezone),
    )
    yield f"Times are in {conversation.project.timezone}."
    yield from lines_of(rows)


def lines_of(rows: Iterable[Row]) -> Iterator[str]:
    """Yield the lines of these rows."""
    for row in rows:
        if row.kind == "separator":
            yield _one_line(f"--- {row.text}{', ' if row.when else ''}{row.when} ---")
            continue
        yield _head(row)
        for part in _parts(row):
            for line in part.split("\n"):
                yield _INDENT + line


def _head(bubble: Bubble) -> str:
    marks = [
        f"stamped {bubble.stamped}" if bubble.stamped else "",
        "edited" if bubble.earlier else "",
        "possible retry" if bubble.is_retry else "",
        bubble.status,
    ]
    shown = ", ".join(mark for mark in marks if mark)
    return _one_line(f"{bubble.when} {bubble.author}{f' ({shown})' if shown else ''}")


def _parts(bubble: Bubble) -> Iterator[str]:
    """Yield what stands below the first line of a message."""
    if bubble.answers:
        yield _reference(bubble.answers)
    if bubble.deleted_at:
        yield f"(deleted by its author on {bubble.deleted_at})"
    elif bubble.text or not bubble.pieces:
        yield bubble.text or "(no text)"
    yield from map(_piece, bubble.pieces)
    yield from map(_reaction, bubble.reactions)
    for version in bubble.earlier:
        yield from _version(version)
    if bubble.dropped:
        yield f"(earlier edits that were not kept: {bubble.dropped})"
    if bubble.more:
        yield f"Other fields: {bubble.more}"


def _version(version: Version) -> Iterator[str]:
    yield f"Earlier, {version.when}: {version.text or '(no text)'}"
    yield from map(_piece, version.pieces)
    if version.more:
        yield f"Other fields: {version.more}"


def _reference(reference: Reference) -> str:
    if not reference.anchor:
        return f"To a message that is not here: {reference.message_id}"
    return f"To {reference.author}, {reference.when}: {reference.excerpt}"


def _piece(piece: Piece) -> str:
    link = f" {piece.link.address}" if piece.link else ""
    return f"[{piece.kind}]{link}{f' {piece.text}' if piece.text else ''}"


def _reaction(reaction: Reaction) -> str:
    ended = f", until {reaction.ended}" if reaction.ended else ""
    return f"{reaction.emoji} {reaction.author} {reaction.when}{ended}"


def _one_line(text: str) -> str:
    return " ".join(text.splitlines())
