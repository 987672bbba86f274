"""Dead letters in PostgreSQL: saving, selecting, requesting redrives, and discarding."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from apps.conversations import erasing
from apps.messages.dead_letter_format import body_of, contact_of, letter_of
from apps.messages.models import DeadLetter

# The order in which the events were queued. A letter that was redriven and failed again is a new
# row, but it has the time of its event. Letters of the same millisecond stand in the order of
# collecting, which is the queue's order within each group. Sequence numbers cannot be used: those
# of moto are not in order.
IN_ORDER = ("first_sent_at", "pk")


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Conditions that dead letters must all meet to be selected.

    The event was first queued at or after `since` and before `until`. Letters that were redriven
    are selected only if `with_redriven` is true.
    """

    ids: Collection[int] = ()
    reason: str | None = None
    project_uuid: UUID | None = None
    group_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    with_redriven: bool = False


class PlannedRedrive(NamedTuple):
    """A letter to redrive, unless somebody redrives it first: `redrive_count` shows that."""

    pk: int
    group_id: str
    redrive_count: int


class SavedCounts(NamedTuple):
    """How many letters are new, and how many were left out because their contact was erased."""

    new: int
    erased: int


def keep(messages: Sequence[Mapping[str, Any]], *, now: datetime) -> SavedCounts:
    """Save the messages of one receive from the dead-letter queue; they are committed on return.

    A message that was saved before changes nothing. A message whose contact was erased after it was
    queued is not saved, because it can no longer take effect.
    """
    letters = [letter_of(message, now=now) for message in messages]
    with transaction.atomic():
        kept = [letter for letter in letters if not _is_erased(letter)]
        known = set(
            DeadLetter.objects.filter(
                message_id__in=[letter.message_id for letter in kept]
            ).values_list("message_id", flat=True)
        )
        DeadLetter.objects.bulk_create(kept, ignore_conflicts=True)
    new = sum(letter.message_id not in known for letter in kept)
    return SavedCounts(new=new, erased=len(letters) - len(kept))


def select(selection: Selection) -> QuerySet[DeadLetter]:
    """Return the letters of a selection, in the order in which their events were queued."""
    given = {
        "pk__in": selection.ids,
        "reason": selection.reason,
        "project_uuid": selection.project_uuid,
        "group_id": selection.group_id,
        "first_sent_at__gte": selection.since,
        "first_sent_at__lt": selection.until,
    }
    letters = DeadLetter.objects.filter(**{name: value for name, value in given.items() if value})
    if not selection.with_redriven:
        letters = letters.filter(redriven_at=None)
    return letters.order_by(*IN_ORDER)


def reasons() -> list[str]:
    """Return all reasons, with one index lookup each instead of a scan of the table."""
    return list(_distinct("reason", above=""))


def project_uuids(*, limit: int) -> list[UUID]:
    """Return the first `limit` projects that dead letters name, with one index lookup each."""
    found = _distinct("project_uuid", above=UUID(int=0))
    return [uuid for uuid, _ in zip(found, range(limit), strict=False)]


def document_of(letter: DeadLetter) -> dict[str, Any]:
    """Return all fields of a letter for JSON, with the body as it was on the queue."""
    names = [field.name for field in letter._meta.concrete_fields if field.name != "body"]
    return {name: getattr(letter, name) for name in names} | {"body": body_of(letter)}


def request_redrive(*, ids: Collection[int], now: datetime) -> list[DeadLetter]:
    """Request a redrive of these letters; return those that had no request and no redrive yet."""
    with transaction.atomic():
        letters = list(
            DeadLetter.objects.select_for_update(no_key=True)
            .filter(pk__in=ids, redriven_at=None, redrive_requested_at=None)
            .defer("body")
        )
        changed = DeadLetter.objects.filter(pk__in=[letter.pk for letter in letters])
        changed.update(redrive_requested_at=now)
    return letters


def plan(letters: QuerySet[DeadLetter]) -> list[PlannedRedrive]:
    """Return these letters, in their order, as redrives of their present state."""
    return [PlannedRedrive(*row) for row in letters.values_list("pk", "group_id", "redrive_count")]


def requested(*, limit: int) -> list[PlannedRedrive]:
    """Return up to `limit` letters for which a redrive is requested, in order."""
    return plan(DeadLetter.objects.exclude(redrive_requested_at=None).order_by(*IN_ORDER)[:limit])


def withdraw_redrive_requests(ids: Collection[int]) -> None:
    """Remove the requests of letters that could not be redriven, so that no tick tries again."""
    DeadLetter.objects.filter(pk__in=ids).update(redrive_requested_at=None)


def discard(ids: Collection[int]) -> int:
    """Delete these letters for good; return how many there were."""
    deleted, _ = DeadLetter.objects.filter(pk__in=ids).delete()
    return deleted


def _is_erased(letter: DeadLetter) -> bool:
    contact = contact_of(letter)
    if contact is None:
        return False
    project_uuid, urn = contact
    return erasing.is_erased(project_uuid=project_uuid, urn=urn, sent_at=letter.first_sent_at)


def _distinct(field: str, *, above: Any) -> Iterator[Any]:
    values = DeadLetter.objects.order_by(field).values_list(field, flat=True)
    last = above
    while (last := values.filter(**{f"{field}__gt": last}).first()) is not None:
        yield last
