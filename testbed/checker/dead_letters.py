"""Checks that exactly the invalid events are dead letters, each once and complete."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime

from testbed.checker.report import Defect, Kind
from testbed.checker.stores import FoundDeadLetter, Stores
from testbed.traffic.effects import time_on_queue
from testbed.traffic.events import Invalid, SentEvent

# The fields of a dead letter, besides its ids and its place.
FIELDS = ("reason", "error", "receive_count")


def quarantined(*, sent: Sequence[SentEvent], stores: Stores) -> set[str]:
    """Return the message ids of valid events that are dead letters and were not redriven."""
    letters, _ = _by_event(sent=sent, stores=stores)
    return {
        one.message_id
        for one in sent
        if not isinstance(one.event.effect, Invalid)
        and any(not letter.is_redriven for letter in letters[one.message_id])
    }


def check_dead_letters(*, sent: Sequence[SentEvent], stores: Stores) -> Iterator[Defect]:
    """Yield the defects of dead letters."""
    letters, unknown = _by_event(sent=sent, stores=stores)
    for one in sent:
        found = letters[one.message_id]
        match one.event.effect:
            case Invalid(reason=reason):
                yield from _check_invalid(one, found, reason=reason)
            case _:
                yield from _check_valid(one, found)
    for letter in unknown:
        what = f"message {letter.source_message_id}, which no producer sent ({letter.reason})"
        yield Defect(Kind.WRONGLY_QUARANTINED, what)


def _by_event(
    *, sent: Sequence[SentEvent], stores: Stores
) -> tuple[defaultdict[str, list[FoundDeadLetter]], list[FoundDeadLetter]]:
    """Return the letters by the message id of their event, and those of no event.

    A redrive has another message id. If it fails again, only the place shows whose letter it is.
    """
    known = {one.message_id for one in sent}
    places = {(one.event.group_id, str(one.sequence_number)): one.message_id for one in sent}
    letters: defaultdict[str, list[FoundDeadLetter]] = defaultdict(list)
    unknown: list[FoundDeadLetter] = []
    for letter in stores.dead_letters:
        name = letter.source_message_id
        if name not in known:
            fields = letter.fields
            name = places.get((fields.get("group_id", ""), fields.get("sequence_number", "")), "")
        (letters[name] if name else unknown).append(letter)
    return letters, unknown


def _check_valid(sent: SentEvent, found: Sequence[FoundDeadLetter]) -> Iterator[Defect]:
    """Yield a defect for each letter, except for the one that was made to be redriven."""
    for number, letter in enumerate(found):
        what = f"valid event {sent.event.number} ({letter.reason})"
        if not sent.event.is_redriven or number:
            yield Defect(Kind.WRONGLY_QUARANTINED, what)
        elif not letter.is_redriven:
            yield Defect(Kind.STUCK, f"{what} was not redriven")


def _check_invalid(
    sent: SentEvent, found: Sequence[FoundDeadLetter], *, reason: str
) -> Iterator[Defect]:
    """Yield the defects of an invalid event. Each redrive of it makes one more letter."""
    what = f"invalid event {sent.event.number} ({reason})"
    waiting = [letter for letter in found if not letter.is_redriven]
    if not waiting:
        yield Defect(Kind.LOST, f"{what} is not a dead letter")
    for _ in waiting[1:]:
        yield Defect(Kind.DUPLICATED, f"{what} is a dead letter more than once")
    for letter in found:
        yield from _check_letter(what, sent, letter, reason=reason)


def _check_letter(
    what: str, sent: SentEvent, letter: FoundDeadLetter, *, reason: str
) -> Iterator[Defect]:
    if letter.body != sent.event.body or letter.fields.get("group_id") != sent.event.group_id:
        yield Defect(Kind.LOST, f"{what} is not complete in the dead letters")
    for name in FIELDS:
        if not letter.fields.get(name):
            yield Defect(Kind.LOST, f"the dead letter of {what} has no {name}")
    if reason and letter.fields.get("reason") and letter.reason != reason:
        yield Defect(Kind.LOST, f"{what} is a dead letter for another reason: {letter.reason}")
    if not _has_place(sent, letter):
        yield Defect(Kind.OUT_OF_ORDER, f"the dead letter of {what} has another place")


def _has_place(sent: SentEvent, letter: FoundDeadLetter) -> bool:
    """Whether a letter has the time and the sequence number of the event's first sending."""
    queue_time = letter.fields.get("queue_time")
    earliest, latest = time_on_queue(sent)
    return bool(
        queue_time and earliest <= datetime.fromisoformat(queue_time) <= latest
    ) and letter.fields.get("sequence_number") == str(sent.sequence_number)
