"""Finding conversations by what an operator has at hand: an id, or a contact's address."""

from typing import Any, TypeVar
from uuid import UUID

from django.db.models import Model, QuerySet

from apps.common.lossless_json import escape
from apps.conversations.models import Conversation

Row = TypeVar("Row", bound=Model)

# Beginnings of addresses may fit nearly all: so many are looked at, and no more.
MAX_FOUND = 1_000
MIN_PREFIX_LENGTH = 3


class TooMany(Exception):
    """A beginning that fits more conversations than can be shown."""

    def __init__(self) -> None:
        super().__init__(f"More than {MAX_FOUND:,} conversations begin so: type more of it.")


def search(conversations: QuerySet[Conversation], term: str) -> QuerySet[Conversation]:
    """Those whose uuid, external id or contact's address is `term`, else those that begin so.

    Each step asks one index, and the next one only if there was nothing. Raises TooMany.
    """
    for by in _exactly(term):
        if Conversation.objects.filter(**by).exists():
            return conversations.filter(**by)
    if len(term) < MIN_PREFIX_LENGTH:
        return conversations.none()
    beginning = Conversation.objects.filter(contact_urn__startswith=escape(term))
    found = list(beginning.values_list("uuid", flat=True)[: MAX_FOUND + 1])
    if len(found) > MAX_FOUND:
        raise TooMany
    return conversations.filter(uuid__in=found)


def by_uuid(rows: QuerySet[Row], term: str, *, field: str = "uuid") -> QuerySet[Row]:
    """Rows whose field is the UUID that was typed; all, where nothing was."""
    if not term.strip():
        return rows
    try:
        return rows.filter(**{field: UUID(term.strip())})
    except ValueError:
        return rows.none()


def _exactly(term: str) -> list[dict[str, Any]]:
    ways: list[dict[str, Any]] = [
        {"external_id": escape(term)},
        {"contact_urn": escape(term)},
    ]
    try:
        return [{"uuid": UUID(term)}, *ways]
    except ValueError:
        return ways
