"""The fields for which producers have several names."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from apps.messages import fields
from apps.messages.times import NotATime, is_window_time, parse_time
from apps.messages.wire_types import as_text

Names = Mapping[str, Sequence[str]]

MESSAGE: Names = {"id": ("id", "message_id")}
WINDOW: Names = {
    "external_id": ("external_id", "id"),
    # Where both stand, `contact_name` may be that of the channel.
    "name": ("name", "contact_name"),
    "start": ("start", "start_date"),
    "end": ("end", "end_date"),
    "ticket_uuid": ("ticket_uuid", "ticket_id", "ticket"),
    "agent_uuid": ("agent_uuid", "agent_id", "agent"),
}


def _with_names(
    names: Mapping[str, Sequence[str]], *, missing: Mapping[str, Callable[[Any], bool]] = {}
) -> Callable[[Any], Any]:
    """Return a validator that renames fields for which producers have several names.

    `names` maps our name to theirs. The first field that is not missing counts. `missing` has the
    test of this for some of our names; others are missing if they are blank or the nil UUID.
    """

    def rename(document: Any) -> Any:
        if not isinstance(document, dict):
            return document
        renamed = dict(document)
        for name, others in names.items():
            is_missing = missing.get(name, fields.is_missing)
            values = [document[other] for other in others if not is_missing(document.get(other))]
            renamed.update({name: values[0]} if values else {})
        return renamed

    return rename


def _never_set(value: Any) -> bool:
    """Return whether the time of a window is missing. A malformed one is not."""
    try:
        return not is_window_time(parse_time(as_text(value)))
    except NotATime:
        return fields.is_blank(value)


def _has_no_id(value: Any) -> bool:
    return bool(fields.id_of(value) == "")


rename_in_message = _with_names(MESSAGE)
rename_in_window = _with_names(
    WINDOW,
    missing={
        **dict.fromkeys(("start", "end"), _never_set),
        **dict.fromkeys(("external_id", "ticket_uuid", "agent_uuid"), _has_no_id),
    },
)
