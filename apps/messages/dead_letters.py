"""Dead letters in PostgreSQL: kept as they came, selected, wanted again, removed."""

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

# How events come back in the order in which they were queued. A letter that was redriven and
# failed again is new here, but has the time of its event. Within a millisecond it is the order of
# collecting, which for each group is that of the queue; moto's sequence numbers have none.
IN_ORDER = ("first_sent_at", "pk")


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which dead letters are meant: those for which all that is given holds.

    `since` and `until` bound the time at which the event was first queued, `until` excluded. Those
    that were redriven are left out unless `with_redriven`.
    """

    ids: Collection[int] = ()
    reason: str | None = None
    project_uuid: UUID | None = None
    group_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    with_redriven: bool = False


class Planned(NamedTuple):
    """A letter that is to be redriven, unless it was since."""

    pk: int
    group_id: str
    redrive_count: int


class Kept(NamedTuple):
    """How many letters are new, and how many were left out for their contact was erased."""

    new: int
    erased: int


def keep(messages: Sequence[Mapping[str, Any]], *, now: datetime) -> Kept:
    """Write the messages of one ReceiveMessage of the dead-letter queue, committed on return.

    A message that is there already changes nothing. One of a contact who was erased after it was
    queued is left out: it could have no effect any more.
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
    return Kept(new=new, erased=len(letters) - len(kept))


def select(selection: Selection) -> QuerySet[DeadLetter]:
    """The letters of a selection, in the order in which their events were queued."""
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
    """All reasons that there are, each found in the index and not by reading the table."""
    return list(_distinct("reason", above=""))


def project_uuids(*, limit: int) -> list[UUID]:
    """The first so many projects that dead letters name, found as `reasons` are."""
    found = _distinct("project_uuid", above=UUID(int=0))
    return [uuid for uuid, _ in zip(found, range(limit), strict=False)]


def document_of(letter: DeadLetter) -> dict[str, Any]:
    """All that is known of a letter, ready for JSON, its body as it was on the queue."""
    names = [field.name for field in letter._meta.concrete_fields if field.name != "body"]
    return {name: getattr(letter, name) for name in names} | {"body": body_of(letter)}


def request_redrive(*, ids: Collection[int], now: datetime) -> list[DeadLetter]:
    """Note that these are to be redriven; gives those of them that were not before."""
    with transaction.atomic():
        letters = list(
            DeadLetter.objects.select_for_update(no_key=True)
            .filter(pk__in=ids, redriven_at=None, redrive_requested_at=None)
            .defer("body")
        )
        changed = DeadLetter.objects.filter(pk__in=[letter.pk for letter in letters])
        changed.update(redrive_requested_at=now)
    return letters


def plan(letters: QuerySet[DeadLetter]) -> list[Planned]:
    """These letters as they are now, in their order, to be redriven."""
    return [Planned(*row) for row in letters.values_list("pk", "group_id", "redrive_count")]


def wanted(*, limit: int) -> list[Planned]:
    """Up to so many letters that somebody wants to have redriven, in their order."""
    return plan(DeadLetter.objects.exclude(redrive_requested_at=None).order_by(*IN_ORDER)[:limit])


def withdraw_redrive_requests(ids: Collection[int]) -> None:
    """These could not be redriven, and are not tried again by themselves."""
    DeadLetter.objects.filter(pk__in=ids).update(redrive_requested_at=None)


def discard(ids: Collection[int]) -> int:
    """Delete these for ever; gives how many there were."""
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
