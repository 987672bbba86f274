"""Taking values out of a producer's JSON, so that what nobody took can be shown too.

Producers may send any JSON in any field. Each function takes a value that has the expected form,
and leaves any other value where it is. None of them changes the document itself: the caller passes
a copy of an object, and inner objects and lists are copied before something is taken from them.
"""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeVar
from urllib.parse import urlsplit

from apps.common.console_access import readable
from apps.common.lossless_json import NUMBER_MARKER
from apps.messages.chat.rows import Link

Fields = dict[str, Any]
T = TypeVar("T")

# The field under which an item of a list is passed that is not an object.
ITSELF = ""
# Further items of a list are shown as JSON.
MAX_ITEMS = 50
MAX_LINK_LENGTH = 80
_WEB_ADDRESS = re.compile(r"https?://[^\s<>\"]+", re.IGNORECASE)


def plain(value: Any) -> str:
    """Return a text or a number as text that can be shown, and "" for any other value."""
    match value:
        case bool():
            return ""
        case str():
            return readable(value)
        case int() | float():
            return str(value)
        case Decimal():
            return format(value, "f")
        case dict() if value.keys() == {NUMBER_MARKER}:
            literal = value[NUMBER_MARKER]
            return literal if isinstance(literal, str) else ""
        case _:
            return ""


def take(fields: Fields, *names: str) -> str:
    """Take the first of these fields that has a text or a number; return it as text, or ""."""
    for name in names:
        if text := plain(fields.get(name)):
            del fields[name]
            return text
    return ""


def take_flag(fields: Fields, name: str) -> bool:
    """Take a field that is true; return whether it was."""
    if fields.get(name) is not True:
        return False
    del fields[name]
    return True


def take_link(fields: Fields, *names: str) -> Link | None:
    """Take the first of these fields that has a web address; return it, or None."""
    for name in names:
        if link := link_to(plain(fields.get(name))):
            del fields[name]
            return link
    return None


def link_to(text: str) -> Link | None:
    """Return a link to the web address that is this text, or None if it is not one."""
    if not _WEB_ADDRESS.fullmatch(text):
        return None
    try:
        parts = urlsplit(text)
        # Not the text itself: what stands before an @ may look like the host.
        shown = f"{parts.hostname}{parts.path}" if parts.hostname else ""
    except ValueError:
        return None
    return Link(address=text, shown=shorten(shown, MAX_LINK_LENGTH)) if shown else None


def inside(fields: Fields, *names: str) -> Fields:
    """Return the object in the first of these fields that has one, to take from; {} if none has."""
    for name in names:
        if isinstance(fields.get(name), dict):
            inner: Fields = dict(fields[name])
            fields[name] = inner
            return inner
    return {}


def take_each(fields: Fields, name: str, read: Callable[[Fields], T | None]) -> list[T]:
    """Return what `read` returns for each item of a list, without None.

    What `read` does not take from an item stays in the list. An item that is not an object is
    passed in the field ITSELF of one. A value that is not a list counts as its only item.
    """
    if name not in fields:
        return []
    value = fields[name]
    items = value if isinstance(value, list) else [value]
    results, left = [], []
    for item in items[:MAX_ITEMS]:
        rest = dict(item) if isinstance(item, dict) else {ITSELF: item}
        results.append(read(rest))
        left.append(rest if isinstance(item, dict) else rest.get(ITSELF))
    fields[name] = [*left, *items[MAX_ITEMS:]] if isinstance(value, list) else left[0]
    return [result for result in results if result is not None]


def without_empty(value: Any) -> Any:
    """Return a value without what is null or empty in it, or None if nothing is left."""
    if isinstance(value, dict):
        value = {name: without_empty(inner) for name, inner in value.items()}
        value = {name: inner for name, inner in value.items() if inner is not None}
    elif isinstance(value, list):
        value = [item for item in map(without_empty, value) if item is not None]
    is_empty = isinstance(value, str | dict | list) and not value
    return None if is_empty else value


def lines(*texts: str) -> str:
    """Return these texts below each other, without the empty ones."""
    return "\n".join(text for text in texts if text)


def shorten(text: str, length: int) -> str:
    """Return a text, cut to a length."""
    return text if len(text) <= length else f"{text[: length - 1]}…"
