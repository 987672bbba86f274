"""The cells of the admin's lists: short ids, ages, texts that people wrote, and facts."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.common.clock import now
from apps.common.console_access import readable
from apps.common.durations import as_text
from apps.conversations.models import Resolution

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

# The names of facts in the audit log and in the rows of erasures.
FACTS: "Mapping[str, StrOrPromise]" = {
    "address": gettext_lazy("hash of the address"),
    "archived_messages": gettext_lazy("archived messages"),
    "conversations": gettext_lazy("conversations"),
    "count": gettext_lazy("count"),
    "dead_letters": gettext_lazy("dead letters"),
    "dynamodb_messages": gettext_lazy("messages in DynamoDB"),
    "enabled": gettext_lazy("enabled"),
    "erasure": gettext_lazy("erasure"),
    "fields": gettext_lazy("fields"),
    "lake_event_ids": gettext_lazy("events in the data lake"),
    "locks": gettext_lazy("locks the login"),
    "messages": gettext_lazy("messages"),
    "moved": gettext_lazy("moved"),
    "outbox_events": gettext_lazy("outbox events"),
    "page": gettext_lazy("page"),
    "project": gettext_lazy("project"),
    "resolution": gettext_lazy("resolution"),
    "rows": gettext_lazy("rows"),
    "schedule": gettext_lazy("schedule"),
    "survey_answers": gettext_lazy("survey answers"),
    "task": gettext_lazy("task"),
    "values": gettext_lazy("values"),
}


def short_id(identifier: object) -> SafeString:
    """Return an id of which the page shows the first 8 characters.

    The cell has the whole id: the style sheet cuts it off, and selecting it selects all of it.
    """
    return format_html('<code class="short-id" title="{0}">{0}</code>', identifier)


def age(at: datetime) -> SafeString:
    """Return how long ago a time was, or how far ahead it is, with the time itself as the title."""
    since = now() - at
    distance = as_text(abs(since), max_units=2)
    sentence = _("in %(time)s") if since < timedelta() else _("%(time)s ago")
    text = sentence % {"time": distance}
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
    """Return a JSON object as a text: `conversations: 2, messages: 14`.

    A resolution is shown by its label. Other values stay as stored.
    """
    return ", ".join(
        f"{FACTS.get(name, name.replace('_', ' '))}: {_as_text(_labelled(name, value))}"
        for name, value in names_and_values.items()
    )


def _labelled(name: str, value: Any) -> Any:
    if name != "resolution":
        return value
    return {one.name.lower(): one.label.lower() for one in Resolution}.get(value, value)


def _as_text(value: Any) -> str:
    match value:
        case bool():
            return _("yes") if value else _("no")
        case dict():
            return f"({facts(value)})"
        case list():
            return "; ".join(map(_as_text, value))
        case _:
            return str(value)
