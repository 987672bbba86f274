"""Search for conversations by an id or by a contact's URN."""

from typing import Any, TypeVar
from uuid import UUID

from django.db.models import Model, QuerySet
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from apps.common.lossless_json import escape
from apps.conversations.models import Conversation

Row = TypeVar("Row", bound=Model)

# A short prefix of a URN may match nearly all conversations, so the search reads at most this many.
MAX_FOUND = 1_000
MIN_PREFIX_LENGTH = 3


class TooMany(Exception):
    """A prefix that matches more conversations than can be shown."""

    def __init__(self) -> None:
        number = number_format(MAX_FOUND, force_grouping=True)
        sentence = _("More than %(number)s conversations match: type more characters.")
        super().__init__(sentence % {"number": number})


def search(conversations: QuerySet[Conversation], term: str) -> QuerySet[Conversation]:
    """Return the conversations whose uuid, external id or contact's URN equals `term`.

    If there are none, return those whose contact's URN starts with `term`. Each attempt uses one
    index, and the first one that finds something ends the search. Raise TooMany.
    """
    for condition in _exact_conditions(term):
        if Conversation.objects.filter(**condition).exists():
            return conversations.filter(**condition)
    if len(term) < MIN_PREFIX_LENGTH:
        return conversations.none()
    matching = Conversation.objects.filter(contact_urn__startswith=escape(term))
    found = list(matching.values_list("uuid", flat=True)[: MAX_FOUND + 1])
    if len(found) > MAX_FOUND:
        raise TooMany
    return conversations.filter(uuid__in=found)


def by_uuid(rows: QuerySet[Row], term: str, *, field: str = "uuid") -> QuerySet[Row]:
    """Return the rows whose field equals the UUID in `term`, or all rows if `term` is blank."""
    if not term.strip():
        return rows
    try:
        return rows.filter(**{field: UUID(term.strip())})
    except ValueError:
        return rows.none()


def _exact_conditions(term: str) -> list[dict[str, Any]]:
    conditions: list[dict[str, Any]] = [
        {"external_id": escape(term)},
        {"contact_urn": escape(term)},
    ]
    try:
        return [{"uuid": UUID(term)}, *conditions]
    except ValueError:
        return conditions
