"""Dead letters in PostgreSQL: kept as they came, selected, wanted again, removed."""

import base64
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from apps.common.lossless_json import escape, parse, unescape
from apps.conversations import erasing
from apps.messages.models import DeadLetter

# How events come back in the order in which they were queued. A letter that was redriven and
# failed again is new here, but has the time of its event. Within a millisecond it is the order of
# collecting, which for each group is that of the queue; moto's sequence numbers have none.
IN_ORDER = ("first_sent_at", "pk")
# What the worker tells of a dead letter in attributes of its own; the others are the event's.
TOLD = frozenset(
    {"reason", "source_message_id", "first_sent_at", "group_id", "receive_count", "error"}
)
MOVED_BY_SQS = "receive_count"
NOT_TOLD = "not_told"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


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
    letters = [_letter(message, now=now) for message in messages]
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


def project_uuids(*, most: int) -> list[UUID]:
    """The first so many projects that dead letters name, found as `reasons` are."""
    found = _distinct("project_uuid", above=UUID(int=0))
    return [uuid for uuid, _ in zip(found, range(most), strict=False)]


def body_of(letter: DeadLetter) -> str:
    """The body as it was on the queue."""
    return unescape(letter.body)


def own_attributes(letter: DeadLetter) -> dict[str, dict[str, Any]]:
    """The event's own message attributes, in the form of SendMessage."""
    return {name: _restored(value) for name, value in letter.attributes.items()}


def first_sent_milliseconds(letter: DeadLetter) -> int:
    """When its event was first queued, as SQS writes times."""
    return (letter.first_sent_at - EPOCH) // timedelta(milliseconds=1)


def document_of(letter: DeadLetter) -> dict[str, Any]:
    """All that is known of a letter, ready for JSON, its body as it was on the queue."""
    names = [field.name for field in letter._meta.concrete_fields if field.name != "body"]
    return {name: getattr(letter, name) for name in names} | {"body": body_of(letter)}


def want_redriven(*, ids: Collection[int], now: datetime) -> list[DeadLetter]:
    """Note that these are to be redriven; gives those of them that were not before."""
    with transaction.atomic():
        letters = list(
            DeadLetter.objects.select_for_update(no_key=True)
            .filter(pk__in=ids, redriven_at=None, redrive_wanted_at=None)
            .defer("body")
        )
        changed = DeadLetter.objects.filter(pk__in=[letter.pk for letter in letters])
        changed.update(redrive_wanted_at=now)
    return letters


def plan(letters: QuerySet[DeadLetter]) -> list[Planned]:
    """These letters as they are now, in their order, to be redriven."""
    return [Planned(*row) for row in letters.values_list("pk", "group_id", "redrive_count")]


def wanted(*, most: int) -> list[Planned]:
    """Up to so many letters that somebody wants to have redriven, in their order."""
    return plan(DeadLetter.objects.exclude(redrive_wanted_at=None).order_by(*IN_ORDER)[:most])


def no_longer_wanted(ids: Collection[int]) -> None:
    """These could not be redriven, and are not tried again by themselves."""
    DeadLetter.objects.filter(pk__in=ids).update(redrive_wanted_at=None)


def discard(ids: Collection[int]) -> int:
    """Delete these for ever; gives how many there were."""
    deleted, _ = DeadLetter.objects.filter(pk__in=ids).delete()
    return deleted


def delete_of_contact(*, project_uuid: UUID, urn: str, group_id: str) -> int:
    """Delete the letters of a contact in a project; gives how many there were.

    A letter is the contact's if its body says so, or if the body names no contact and it came from
    this group.
    """
    names_contact = Q(project_uuid=project_uuid, contact_urn=urn)
    names_nobody = Q(project_uuid=None) | Q(contact_urn="")
    theirs = names_contact
    if group_id != erasing.GROUP_OF_CONTACTS_WITHOUT_CONVERSATIONS:
        theirs |= Q(names_nobody, group_id=group_id)
    deleted, _ = DeadLetter.objects.filter(theirs).delete()
    return deleted


def _letter(message: Mapping[str, Any], *, now: datetime) -> DeadLetter:
    """What SQS itself moved, after too many receipts, has no attributes of the worker's."""
    system, attributes = message["Attributes"], message.get("MessageAttributes") or {}
    texts = {name: value.get("StringValue", "") for name, value in attributes.items()}
    moved_by_sqs = "DeadLetterQueueSourceArn" in system
    told = {} if moved_by_sqs else texts
    own = attributes.keys() - (TOLD if not moved_by_sqs else {"first_sent_at"})
    first_sent_at = _number(texts.get("first_sent_at", ""), digits=13)
    receive_count = _number(told.get("receive_count", ""), digits=9)
    named = _named_in(message["Body"])
    return DeadLetter(
        message_id=message["MessageId"],
        source_message_id=told.get("source_message_id") or message["MessageId"],
        group_id=system["MessageGroupId"],
        sequence_number=Decimal(system["SequenceNumber"]),
        body=escape(message["Body"]),
        attributes={name: _kept(attributes[name]) for name in sorted(own)},
        reason=escape(told.get("reason") or (MOVED_BY_SQS if moved_by_sqs else NOT_TOLD))[:100],
        error=escape(told.get("error", "")),
        first_sent_at=EPOCH + timedelta(milliseconds=first_sent_at or _earliest_time(system)),
        receive_count=receive_count or int(system["ApproximateReceiveCount"]),
        project_uuid=_uuid(named.get("project_uuid")),
        channel_uuid=_uuid(named.get("channel_uuid")),
        contact_urn=_text(named.get("contact_urn")),
        collected_at=now,
    )


def _earliest_time(system: Mapping[str, str]) -> int:
    """SQS gives what it moves between FIFO queues a new SentTimestamp; the first receipt may be
    told from before ("Configuring a dead-letter queue redrive", SQS Developer Guide)."""
    first_received = int(system.get("ApproximateFirstReceiveTimestamp", 0))
    sent = int(system["SentTimestamp"])
    return min(sent, first_received or sent)


def _is_erased(letter: DeadLetter) -> bool:
    if letter.project_uuid is None or not letter.contact_urn:
        return False
    return erasing.is_erased(
        project_uuid=letter.project_uuid, urn=letter.contact_urn, sent_at=letter.first_sent_at
    )


def _named_in(body: str) -> Mapping[str, Any]:
    try:
        data = parse(body)["data"]
    except (ValueError, TypeError, LookupError):
        return {}
    return data if isinstance(data, dict) else {}


def _uuid(value: Any) -> UUID | None:
    try:
        return UUID(value)
    except (ValueError, TypeError, AttributeError):
        return None


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _number(text: str, *, digits: int) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= digits else None


def _kept(attribute: Mapping[str, Any]) -> dict[str, str]:
    kept = {"DataType": escape(attribute["DataType"])}
    if "BinaryValue" in attribute:
        return kept | {"BinaryValue": base64.b64encode(attribute["BinaryValue"]).decode()}
    return kept | {"StringValue": escape(attribute["StringValue"])}


def _restored(kept: Mapping[str, str]) -> dict[str, Any]:
    restored: dict[str, Any] = {"DataType": unescape(kept["DataType"])}
    if "BinaryValue" in kept:
        return restored | {"BinaryValue": base64.b64decode(kept["BinaryValue"])}
    return restored | {"StringValue": unescape(kept["StringValue"])}


def _distinct(field: str, *, above: Any) -> Iterator[Any]:
    values = DeadLetter.objects.order_by(field).values_list(field, flat=True)
    last = above
    while (last := values.filter(**{f"{field}__gt": last}).first()) is not None:
        yield last
