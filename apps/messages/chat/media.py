"""The attachments of a message, in the forms in which platforms send them.

An attachment is an object, a web address, or a text such as `image/jpeg:https://…`. Nothing is
loaded: an attachment is shown as its kind, its caption and a link.
"""

import re
from functools import partial

from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from apps.messages.chat.fields import (
    ITSELF,
    Fields,
    inside,
    lines,
    link_to,
    take,
    take_each,
    take_flag,
    take_link,
    without_empty,
)
from apps.messages.chat.rows import Piece

# In English.
_KINDS = {
    "animation": gettext_noop("Animation"),
    "application": gettext_noop("Document"),
    "audio": gettext_noop("Audio"),
    "document": gettext_noop("Document"),
    "file": gettext_noop("Document"),
    "geo": gettext_noop("Location"),
    "gif": gettext_noop("Animation"),
    "ig_reel": gettext_noop("Reel"),
    "image": gettext_noop("Image"),
    "photo": gettext_noop("Image"),
    "reel": gettext_noop("Reel"),
    "share": gettext_noop("Shared post"),
    "sticker": gettext_noop("Sticker"),
    "story_mention": gettext_noop("Mention in a story"),
    "story_reply": gettext_noop("Reply to a story"),
    "text": gettext_noop("Document"),
    "video": gettext_noop("Video"),
    "video_note": gettext_noop("Video"),
    "voice": gettext_noop("Voice message"),
}
_UNKNOWN_KIND = gettext_noop("Attachment")
# Fields of a message that have an attachment, as WhatsApp and Telegram send it.
_FIELDS = (
    *("image", "photo", "video", "video_note", "audio", "voice"),
    *("document", "file", "sticker", "animation", "story_mention"),
)
_ADDRESSES = ("url", "link", "href", "media_url", "file_url")
_TYPED = re.compile(r"([\w-]+(?:/[\w.+-]+)?):(.+)", re.DOTALL)


def take_media(fields: Fields) -> list[Piece]:
    """Take the attachments of a message."""
    pieces = take_each(fields, "attachments", _attachment)
    for name in _FIELDS:
        pieces += take_each(fields, name, partial(_attachment, field=name))
    return pieces


def _attachment(item: Fields, field: str = "") -> Piece | None:
    if text := take(item, ITSELF):
        return _of_text(text, field)
    if without_empty(item) is None:
        return None
    payload = inside(item, "payload")
    kind, unknown_type = _take_kind(item, field)
    duration = take(item, "duration", "seconds")
    return Piece(
        kind=kind,
        text=lines(
            take(item, "caption", "title"),
            take(item, "filename", "file_name", "name"),
            unknown_type,
            take(item, "mime_type", "content_type", "mimetype"),
            f"{duration} s" if duration else "",
        ),
        link=take_link(item, *_ADDRESSES) or take_link(payload, *_ADDRESSES),
    )


def _take_kind(item: Fields, field: str) -> tuple[str, str]:
    """Return the kind of an attachment in words, and its type if no kind is known for it."""
    type_name = take(item, "type")
    kind = _kind_of(type_name) or _KINDS.get(field, "")
    is_known = type_name.lower() in _KINDS
    if not kind:
        mime_type = item.get("mime_type") or item.get("content_type")
        kind = _kind_of(mime_type if isinstance(mime_type, str) else "") or _UNKNOWN_KIND
    if take_flag(item, "voice"):
        kind = _KINDS["voice"]
    if take_flag(item, "animated"):
        animated = _("animated %(kind)s") % {"kind": _(kind).lower()}
        return capfirst(animated), "" if is_known else type_name
    return _(kind), "" if is_known else type_name


def _kind_of(type_name: str) -> str:
    """Return the kind of a type such as "image" or "image/jpeg" in English, or "" if unknown."""
    return _KINDS.get(type_name.lower()) or _KINDS.get(type_name.lower().partition("/")[0], "")


def _of_text(text: str, field: str) -> Piece:
    kind = _KINDS.get(field, _UNKNOWN_KIND)
    if link := link_to(text):
        return Piece(kind=_(kind), link=link)
    typed = _TYPED.fullmatch(text)
    if typed and _kind_of(typed[1]):
        link = link_to(typed[2])
        shown = typed[1] if "/" in typed[1] else ""
        return Piece(
            kind=_(_kind_of(typed[1])), text=lines(shown, "" if link else typed[2]), link=link
        )
    return Piece(kind=_(_kind_of(text) or kind), text=text)
