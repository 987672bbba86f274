"""Checks that exactly the invalid events are dead letters, each once and complete."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from testbed.checker.report import Defect, Kind
from testbed.checker.stores import FoundDeadLetter, Stores
from testbed.traffic.events import Invalid, SentEvent

# The fields of a dead letter, beside its ids.
FIELDS = ("reason", "error", "first_sent_at", "receive_count")


def quarantined(*, sent: Sequence[SentEvent], stores: Stores) -> set[str]:
    """Return the message ids of valid events that are dead letters."""
    sources = {letter.source_message_id for letter in stores.dead_letters}
    return {
        one.message_id
        for one in sent
        if not isinstance(one.event.effect, Invalid) and one.message_id in sources
    }


def check_dead_letters(*, sent: Sequence[SentEvent], stores: Stores) -> Iterator[Defect]:
    """Yield the defects of dead letters. A quarantined valid event is lost."""
    letters: defaultdict[str, list[FoundDeadLetter]] = defaultdict(list)
    for letter in stores.dead_letters:
        letters[letter.source_message_id].append(letter)
    for one in sent:
        found = letters.pop(one.message_id, [])
        match one.event.effect:
            case Invalid(reason=reason):
                yield from _check_invalid(one, found, reason=reason)
            case _:
                for letter in found:
                    yield Defect(
                        Kind.LOST, f"event {one.event.number} was quarantined: {letter.reason}"
                    )
    for source, unknown in letters.items():
        for letter in unknown:
            yield Defect(Kind.DUPLICATED, f"an unknown dead letter, {source} ({letter.reason})")


def _check_invalid(
    sent: SentEvent, found: Sequence[FoundDeadLetter], *, reason: str
) -> Iterator[Defect]:
    what = f"invalid event {sent.event.number} ({reason})"
    if not found:
        yield Defect(Kind.LOST, f"{what} is no dead letter")
        return
    for _ in found[1:]:
        yield Defect(Kind.DUPLICATED, f"{what} is a dead letter more than once")
    letter = found[0]
    if letter.body != sent.event.body or letter.fields.get("group_id") != sent.event.group_id:
        yield Defect(Kind.LOST, f"{what} is not complete in the dead letters")
    for name in FIELDS:
        if not letter.fields.get(name):
            yield Defect(Kind.LOST, f"the dead letter of {what} has no {name}")
    if reason and letter.fields.get("reason") and letter.reason != reason:
        yield Defect(Kind.LOST, f"{what} is a dead letter for another reason: {letter.reason}")
