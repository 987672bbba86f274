"""The cells of the admin's lists: short ids, ages, texts that people wrote, and facts."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timezone import localtime

from apps.common.clock import now
from apps.common.console_access import readable
from apps.common.durations import as_text


def short_id(identifier: object) -> SafeString:
    """Return an id of which the page shows the first 8 characters.

    The cell has the whole id: the style sheet cuts it off, and selecting it selects all of it.
    """
    return format_html('<code class="short-id" title="{0}">{0}</code>', identifier)


def age(at: datetime) -> SafeString:
    """Return how long ago a time was, or how far ahead it is, with the time itself as the title."""
    since = now() - at
    distance = as_text(abs(since), max_units=2)
    text = f"in {distance}" if since < timedelta() else f"{distance} ago"
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', at.isoformat(), exact_time(at), text
    )


def exact_time(at: datetime) -> str:
    """Return a time in the format of the admin site, with seconds and the zone."""
    return date_format(localtime(at), "DATETIME_FORMAT")


def written(text: str, *, otherwise: str) -> SafeString:
    """Return a text that somebody outside wrote, isolated from the direction of the page."""
    return format_html("<bdi>{}</bdi>", readable(text) or otherwise)


def facts(names_and_values: Mapping[str, Any]) -> str:
    """Return a JSON object as a text: `conversations: 2, messages: 14`."""
    return ", ".join(
        f"{name.replace('_', ' ')}: {_as_text(value)}" for name, value in names_and_values.items()
    )


def _as_text(value: Any) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case dict():
            return f"({facts(value)})"
        case list():
            return "; ".join(map(_as_text, value))
        case _:
            return str(value)
