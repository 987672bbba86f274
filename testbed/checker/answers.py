"""Checks that each survey answer is recorded once, in order, and sent to the data lake."""

from collections import Counter, defaultdict
from collections.abc import Container, Iterator, Mapping, Sequence

from testbed.checker.matching import MatchedRows
from testbed.checker.report import Defect, Kind
from testbed.checker.stores import FoundAnswer, LakeEvent, Stores
from testbed.traffic.effects import Expected, ExpectedAnswer
from testbed.traffic.events import ContactId

# A contact, a message id and a key.
_Name = tuple[ContactId, str, str]


def check_answers(
    *,
    expected: Expected,
    stores: Stores,
    matched: Mapping[ContactId, MatchedRows],
    lake_may_repeat: bool,
) -> Iterator[Defect]:
    """Yield the defects of answers. If `lake_may_repeat`, the lake may have an event twice."""
    rows: defaultdict[_Name, list[FoundAnswer]] = defaultdict(list)
    for row in stores.answers:
        rows[row.contact, row.message_id, row.key].append(row)
    lake = _Lake(stores.lake, may_repeat=lake_may_repeat)
    places = {one.sequence_number for one in expected.answers}
    recorded = []
    for one in expected.answers:
        if found := _take(one, rows=rows[_name(one)], places=places):
            recorded.append((found.number, one))
            yield from _check_answer(one, row=found, matched=matched, lake=lake)
        else:
            lake.forgive(one)
            yield Defect(Kind.LOST, f"answer {one.answer.message_id} is not recorded")
    for (_, message_id, _), left in rows.items():
        for _ in left:
            yield Defect(Kind.DUPLICATED, f"answer {message_id} is recorded again or was not sent")
    yield from lake.check_rest()
    yield from _check_order([one for _, one in sorted(recorded, key=lambda each: each[0])])


def _name(expected: ExpectedAnswer) -> _Name:
    return expected.contact.id, expected.answer.message_id, expected.answer.key


def _take(
    expected: ExpectedAnswer, *, rows: list[FoundAnswer], places: Container[int]
) -> FoundAnswer | None:
    """Remove and return the row of an answer, or return None.

    `rows` has the rows with the answer's contact, message id and key; there may be several, because
    ids may begin anew. Prefer the row at the answer's place, then a row at a place where no answer
    was sent.
    """
    own = [row for row in rows if row.sequence_number == expected.sequence_number]
    others = [row for row in rows if row.sequence_number not in places]
    row = next(iter((*own, *others)), None)
    if row:
        rows.remove(row)
    return row


def _check_answer(
    expected: ExpectedAnswer,
    *,
    row: FoundAnswer,
    matched: Mapping[ContactId, MatchedRows],
    lake: "_Lake",
) -> Iterator[Defect]:
    answer = expected.answer
    sent = (answer.value, answer.score, answer.unscorable)
    if (row.value, row.score, row.has_problem) != sent:
        yield Defect(Kind.LOST, f"answer {answer.message_id} is not recorded as it was sent")
    home = row.conversation_uuid
    if expected.contact.is_certain and answer.conversation is not None:
        home = matched[expected.contact.id].uuid_of(answer.conversation)
    if row.sequence_number != expected.sequence_number:
        yield Defect(
            Kind.OUT_OF_ORDER, f"answer {answer.message_id} has the place of another event"
        )
    if row.conversation_uuid != home:
        yield Defect(Kind.MISATTRIBUTED, f"answer {answer.message_id} is on another conversation")
    if not answer.unscorable:
        yield from lake.check(expected, row=row, conversation_uuid=home)


class _Lake:
    """The events of the data lake. Checking an answer removes its events."""

    def __init__(self, events: Sequence[LakeEvent], *, may_repeat: bool) -> None:
        self._events: defaultdict[str, list[LakeEvent]] = defaultdict(list)
        for event in events:
            self._events[event.event_id].append(event)
        self._may_repeat = may_repeat
        self._forgiven: Counter[tuple[str, str, str, str]] = Counter()

    def forgive(self, expected: ExpectedAnswer) -> None:
        """Allow the event of an answer whose row is lost, which is a defect already."""
        self._forgiven[_as_sent(expected)] += 1

    def check(
        self, expected: ExpectedAnswer, *, row: FoundAnswer, conversation_uuid: str | None
    ) -> Iterator[Defect]:
        """Yield the defects of an answer in the lake."""
        what = f"answer {row.message_id}"
        found = self._events.pop(row.event_id or "", [])
        if not found or not row.is_delivered:
            yield Defect(Kind.LOST, f"{what} was not sent to the lake")
            return
        for _ in found[1:] if not self._may_repeat else ():
            yield Defect(Kind.DUPLICATED, f"{what} is in the lake more than once")
        if any(
            (*_of_lake(event), event.conversation_uuid) != (*_as_sent(expected), conversation_uuid)
            for event in found
        ):
            yield Defect(Kind.LOST, f"{what} was sent to the lake with other values")

    def check_rest(self) -> Iterator[Defect]:
        """Yield the events of the lake that belong to no answer."""
        for event_id, events in self._events.items():
            answer = _of_lake(events[0])
            if self._forgiven[answer]:
                self._forgiven[answer] -= 1
            else:
                yield Defect(Kind.DUPLICATED, f"event {event_id} in the lake belongs to no answer")


def _as_sent(expected: ExpectedAnswer) -> tuple[str, str, str, str]:
    contact, answer = expected.contact, expected.answer
    return (contact.project, contact.urn, answer.key, answer.value)


def _of_lake(event: LakeEvent) -> tuple[str, str, str, str]:
    return (event.project, event.contact_urn, event.key, event.value)


def _check_order(recorded: Sequence[ExpectedAnswer]) -> Iterator[Defect]:
    """Yield answers of a group that are not recorded in the order in which they were sent.

    Redriven answers are left out, because they may be recorded at any time.
    """
    latest: dict[str, ExpectedAnswer] = {}
    for one in recorded:
        if one.is_redriven:
            continue
        before = latest.get(one.group_id)
        if before and before.number > one.number:
            what = f"answer {before.answer.message_id} before {one.answer.message_id}"
            yield Defect(Kind.OUT_OF_ORDER, what)
        latest[one.group_id] = one
