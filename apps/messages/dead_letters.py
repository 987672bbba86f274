"""Dead letters in PostgreSQL: saving, selecting, requesting redrives, and discarding."""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.db.models import F, Max, QuerySet, Window

from apps.conversations import erasing
from apps.messages import producer_problems
from apps.messages.dead_letter_format import body_of, contact_of, letter_of, place_of
from apps.messages.models import DeadLetter
from apps.messages.producer_problems import Finding, Problem

# The order of lists. A letter that was redriven and failed again is a new row with the same time.
BY_TIME = ("queue_time", "pk")
EXPORT_PAGE = 50


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
    """A letter to redrive. If its `redrive_count` has changed, somebody else has redriven it."""

    pk: int
    group_id: str
    redrive_count: int


class Saved(NamedTuple):
    """How many letters are new, and those that were left out because their contact was erased."""

    new: int
    erased: list[DeadLetter]


def collected_before(before: datetime) -> QuerySet[DeadLetter]:
    """Return the letters that were collected before a time, except those to be redriven."""
    return DeadLetter.objects.filter(collected_at__lte=before, redrive_requested_at=None)


def keep(messages: Sequence[Mapping[str, Any]], *, now: datetime) -> Saved:
    """Save the messages of one receive from the dead-letter queue; they are committed on return.

    A message that was saved before changes nothing. A message whose contact was erased after it was
    queued is not saved, because it can no longer take effect. If it names no contact, its group
    decides.
    """
    letters = [letter_of(message, now=now) for message in messages]
    with transaction.atomic():
        erased = [letter for letter in letters if _is_erased(letter)]
        kept = [letter for letter in letters if letter not in erased]
        known = set(
            DeadLetter.objects.filter(
                message_id__in=[letter.message_id for letter in kept]
            ).values_list("message_id", flat=True)
        )
        DeadLetter.objects.bulk_create(kept, ignore_conflicts=True)
        new = [letter for letter in kept if letter.message_id not in known]
        producer_problems.count(_malformed(new))
    return Saved(new=len(new), erased=erased)


def _malformed(letters: Iterable[DeadLetter]) -> Iterator[Finding]:
    for letter in letters:
        if letter.reason in producer_problems.MALFORMED_REASONS:
            yield Finding(
                project_uuid=letter.project_uuid or producer_problems.NO_PROJECT,
                at=letter.queue_time,
                problem=Problem.MALFORMED,
                detail=letter.reason,
            )


def select(selection: Selection) -> QuerySet[DeadLetter]:
    """Return the letters of a selection, in the order of their events' queue times."""
    given = {
        "pk__in": selection.ids,
        "reason": selection.reason,
        "project_uuid": selection.project_uuid,
        "group_id": selection.group_id,
        "queue_time__gte": selection.since,
        "queue_time__lt": selection.until,
    }
    letters = DeadLetter.objects.filter(**{name: value for name, value in given.items() if value})
    if not selection.with_redriven:
        letters = letters.filter(redriven_at=None)
    return letters.order_by(*BY_TIME)


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
    fields = {name: getattr(letter, name) for name in names}
    return fields | {"place": str(place_of(letter)), "body": body_of(letter)}


def json_line(letter: DeadLetter) -> str:
    """Return a letter as a line of an export."""
    return json.dumps(document_of(letter), cls=DjangoJSONEncoder) + "\n"


def json_lines(ids: Sequence[int]) -> Iterator[str]:
    """Yield letters as lines of an export, in the order of `ids`, and read a page at a time.

    Letters that were deleted in the meantime are left out.
    """
    for start in range(0, len(ids), EXPORT_PAGE):
        page = ids[start : start + EXPORT_PAGE]
        letters = DeadLetter.objects.in_bulk(page)
        yield from (json_line(letters[one]) for one in page if one in letters)


def request_redrive(*, ids: Collection[int], now: datetime) -> list[DeadLetter]:
    """Request a redrive of these letters; return those that had no request and no redrive yet."""
    with transaction.atomic():
        letters = list(
            DeadLetter.objects.select_for_update(no_key=True)
            .filter(pk__in=ids, redriven_at=None, redrive_requested_at=None)
            .defer("body")
        )
        changed = DeadLetter.objects.filter(pk__in=[letter.pk for letter in letters])
        changed.update(redrive_requested_at=now, redrive_refusal="")
    return letters


def plan(letters: QuerySet[DeadLetter], *, limit: int | None = None) -> list[PlannedRedrive]:
    """Return the first `limit` of these letters in the order of their events' places.

    Letters of a group are in the order of their sequence numbers. Groups are merged by queue time.
    If queue times decrease within a group, the latest time so far is used for the later letters.
    """
    time_so_far = Window(
        Max("queue_time"), partition_by=F("group_id"), order_by=[F("sequence_number"), F("pk")]
    )
    in_order = letters.order_by(time_so_far, "group_id", "sequence_number", "pk")
    rows = in_order.values_list("pk", "group_id", "redrive_count")[:limit]
    return [PlannedRedrive(*row) for row in rows]


def requested(*, limit: int) -> list[PlannedRedrive]:
    """Return up to `limit` letters for which a redrive is requested, in order."""
    return plan(DeadLetter.objects.exclude(redrive_requested_at=None), limit=limit)


def withdraw_redrive_requests(refusals: Mapping[int, str]) -> None:
    """Remove the requests of letters that could not be redriven, so that no tick tries again.

    `refusals` has the reason for each letter, by its id. It is stored for the operator.
    """
    ids_by_reason: dict[str, list[int]] = {}
    for letter, reason in refusals.items():
        ids_by_reason.setdefault(reason, []).append(letter)
    for reason, ids in ids_by_reason.items():
        refused = DeadLetter.objects.filter(pk__in=ids)
        refused.update(redrive_requested_at=None, redrive_refusal=reason)


def discard(ids: Collection[int]) -> int:
    """Delete these letters permanently. Return how many there were."""
    deleted, _ = DeadLetter.objects.filter(pk__in=ids).delete()
    return deleted


def _is_erased(letter: DeadLetter) -> bool:
    contact = contact_of(letter)
    if contact is None:
        return erasing.is_of_erased_group(place_of(letter))
    project_uuid, urn = contact
    return erasing.is_erased(project_uuid=project_uuid, urn=urn, place=place_of(letter))


def _distinct(field: str, *, above: Any) -> Iterator[Any]:
    values = DeadLetter.objects.order_by(field).values_list(field, flat=True)
    last = above
    while (last := values.filter(**{f"{field}__gt": last}).first()) is not None:
        yield last
