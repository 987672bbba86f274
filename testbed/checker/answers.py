"""Checks that each survey answer is recorded once, in order, and sent to the data lake."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

from testbed.checker.matching import MatchedRows
from testbed.checker.report import Defect, Kind
from testbed.checker.stores import FoundAnswer, LakeEvent, Stores
from testbed.traffic.effects import Expected, ExpectedAnswer
from testbed.traffic.events import ContactId


def check_answers(
    *,
    expected: Expected,
    stores: Stores,
    matched: Mapping[ContactId, MatchedRows],
    lake_may_repeat: bool,
) -> Iterator[Defect]:
    """Yield the defects of answers. If `lake_may_repeat`, the lake may have an event twice."""
    rows: defaultdict[tuple[ContactId, str], list[FoundAnswer]] = defaultdict(list)
    for row in stores.answers:
        rows[row.contact, row.message_id].append(row)
    lake = _Lake(stores.lake, may_repeat=lake_may_repeat)
    for key, one in expected.answers.items():
        yield from _check_answer(one, found=rows.pop(key, []), matched=matched, lake=lake)
    for _, message_id in rows:
        yield Defect(Kind.DUPLICATED, f"answer {message_id} was never sent")
    yield from lake.check_rest()
    yield from _check_order(stores.answers, expected=expected)


def _check_answer(
    expected: ExpectedAnswer,
    *,
    found: Sequence[FoundAnswer],
    matched: Mapping[ContactId, MatchedRows],
    lake: "_Lake",
) -> Iterator[Defect]:
    answer = expected.answer
    sent = (answer.key, answer.value, answer.score)
    if not found:
        lake.forgive(expected)
    if not found or (found[0].key, found[0].value, found[0].score) != sent:
        yield Defect(Kind.LOST, f"answer {answer.message_id} is not recorded as it was sent")
    for _ in found[1:]:
        yield Defect(Kind.DUPLICATED, f"answer {answer.message_id} is recorded again")
    if not found:
        return
    row = found[0]
    home = row.conversation_uuid
    if expected.contact.is_certain and answer.conversation is not None:
        home = matched[expected.contact.id].uuid_of(answer.conversation)
    if row.sequence_number != expected.sequence_number:
        yield Defect(
            Kind.OUT_OF_ORDER, f"answer {answer.message_id} has the place of another event"
        )
    if row.conversation_uuid != home:
        yield Defect(Kind.MISATTRIBUTED, f"answer {answer.message_id} is on another conversation")
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


def _check_order(rows: Sequence[FoundAnswer], *, expected: Expected) -> Iterator[Defect]:
    """Yield answers of a group that are not recorded in the order in which they were sent."""
    latest: dict[str, ExpectedAnswer] = {}
    for row in sorted(rows, key=lambda each: each.number):
        one = expected.answers.get((row.contact, row.message_id))
        if one is None:
            continue
        before = latest.get(one.group_id)
        if before and before.number > one.number:
            yield Defect(
                Kind.OUT_OF_ORDER, f"answer {before.answer.message_id} before {row.message_id}"
            )
        latest[one.group_id] = one
