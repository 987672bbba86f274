"""Survey answers: each recorded once, for its conversation, in order, and told to the lake."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from tests.chaos.check_conversations import Homes
from tests.chaos.defects import Defects, Kind
from tests.chaos.found import FoundAnswer, Stores
from tests.chaos.plan import Answer, PlannedEvent

Name = tuple[str, str, str]
SCORES = {"weni_csat": "csat", "weni_nps": "nps"}


def check_answers(
    *,
    sent: Sequence[PlannedEvent],
    stores: Stores,
    homes: Mapping[Name, Homes],
    defects: Defects,
) -> None:
    """Of all contacts."""
    found: defaultdict[tuple[Name, str], list[FoundAnswer]] = defaultdict(list)
    for row in stores.answers:
        found[row.contact, row.message_id].append(row)
    expected = {
        (event.contact.name, event.effect.message_id): (event, event.effect)
        for event in sent
        if isinstance(event.effect, Answer)
    }
    for key, (event, answer) in expected.items():
        rows = found.pop(key, [])
        if not rows or (rows[0].key, rows[0].value, rows[0].score) != (
            answer.key,
            answer.value,
            answer.score,
        ):
            defects.add(Kind.LOST, f"answer {answer.message_id}")
            continue
        defects.add_all(Kind.DUPLICATED, [f"answer {answer.message_id}"] * (len(rows) - 1))
        if event.contact.is_certain and answer.conversation is not None:
            home = homes[event.contact.name].uuid_of(answer.conversation)
            if rows[0].conversation_uuid != home:
                defects.add(Kind.MISATTRIBUTED, f"answer {answer.message_id}")
    for _, message_id in found:
        defects.add(Kind.DUPLICATED, f"answer {message_id} was never sent")
    _check_scores(expected=list(expected.values()), homes=homes, defects=defects)
    _check_order(stores.answers, sent=sent, defects=defects)
    _check_lake(expected=[event for event, _ in expected.values()], stores=stores, defects=defects)


def _check_scores(
    *,
    expected: Sequence[tuple[PlannedEvent, Answer]],
    homes: Mapping[Name, Homes],
    defects: Defects,
) -> None:
    """The score of a conversation is that of its newest answer of the kind."""
    newest: dict[tuple[Name, int, str], Answer] = {}
    for event, answer in expected:
        if event.contact.is_certain and answer.conversation and answer.key in SCORES:
            newest[event.contact.name, answer.conversation, answer.key] = answer
    for (name, number, key), answer in newest.items():
        row = homes[name].rows.get(number)
        if row and getattr(row, SCORES[key]) != answer.score:
            defects.add(Kind.OUT_OF_ORDER, f"the score of {row.uuid} is not {answer.message_id}'s")


def _check_order(
    rows: Sequence[FoundAnswer], *, sent: Sequence[PlannedEvent], defects: Defects
) -> None:
    """Answers of a group are recorded in the order in which the queue has them."""
    groups = {
        (event.contact.name, event.effect.message_id): event.group_id
        for event in sent
        if isinstance(event.effect, Answer)
    }
    latest: dict[str, FoundAnswer] = {}
    for row in sorted(rows, key=lambda each: each.number):
        group = groups.get((row.contact, row.message_id))
        if group is None:
            continue
        before = latest.get(group)
        if before and before.sequence > row.sequence:
            defects.add(Kind.OUT_OF_ORDER, f"answer {before.message_id} before {row.message_id}")
        latest[group] = row


def _check_lake(*, expected: Sequence[PlannedEvent], stores: Stores, defects: Defects) -> None:
    """The lake knows each answer by one id; that it was told of it twice is its own affair."""
    ids: defaultdict[tuple[str, str, str], set[str]] = defaultdict(set)
    for told in stores.lake:
        ids[told.contact_urn, told.key, told.value].add(told.event_id)
    due = Counter(
        (event.contact.urn, event.effect.key, event.effect.value)
        for event in expected
        if isinstance(event.effect, Answer)
    )
    for key, count in due.items():
        found = len(ids.pop(key, ()))
        kind = Kind.LOST if found < count else Kind.DUPLICATED
        defects.add_all(kind, [f"{key[1]} in the lake"] * abs(found - count))
    for key, unexpected in ids.items():
        defects.add_all(Kind.DUPLICATED, [f"{key[1]} in the lake"] * len(unexpected))
