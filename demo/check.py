"""Compares what was found in the stores with what must be there."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

from demo.check_conversations import check_conversations
from demo.expectations import Expectations, ExpectedAnswer, SentEvent
from demo.figures import check_figures, expected_figures
from demo.findings import Findings, FoundAnswer, FoundDeadLetter
from demo.personal_data import leaks, personal_data
from demo.problems import Kind, Problem

# What the worker says of a quarantined event, beside the ids that are compared.
TOLD_OF_DEAD_LETTERS = ("reason", "error", "first_sent_at", "receive_count")


def check(*, expected: Expectations, found: Findings) -> list[Problem]:
    """Every difference between the two; none if the service kept its promise."""
    return [
        *check_conversations(expected, found),
        *_check_answers(expected, found),
        *_check_dead_letters(expected.quarantined, found.dead_letters),
        *check_figures(expected=expected_figures(expected), found=found.figures),
        *(Problem(Kind.DUPLICATED, f"DynamoDB item {key} of nobody") for key in found.strays),
    ]


def check_logs(*, sent: Sequence[SentEvent], logs: Mapping[str, str]) -> list[Problem]:
    """What the logs hold of these events that they must not; `logs` are texts by their names."""
    personal = personal_data(
        bodies=(one.event.body for one in sent), group_ids=(one.event.group_id for one in sent)
    )
    return [
        Problem(Kind.LOGGED, f"{name} has what a contact wrote, a name or an address")
        for name, log in logs.items()
        for _ in leaks(log=log, personal=personal)
    ]


def _check_answers(expected: Expectations, found: Findings) -> Iterator[Problem]:
    rows = defaultdict(list)
    for row in found.answers:
        rows[row.identity].append(row)
    lake = Counter(str(event["event_id"]) for event in found.lake)
    lake_events = {str(event["event_id"]): event for event in found.lake}
    uuids = {
        (*contact, number): conversation.uuid
        for contact, conversations in found.conversations_by_contact().items()
        for number, conversation in enumerate(conversations, start=1)
    }
    for identity, answer in expected.answers.items():
        what = f"answer {answer.message_id} in {answer.effect.conversation}"
        there = rows.pop(identity, [])
        for _ in there[1:]:
            yield Problem(Kind.DUPLICATED, f"{what} is recorded more than once")
        if not there:
            yield Problem(Kind.LOST, f"{what} is not recorded")
            continue
        row = there[0]
        uuid = uuids.get((*identity[:3], answer.effect.conversation.number))
        yield from _check_answer(what, answer, row, uuid=uuid)
        event_id = row.event_id or ""
        yield from _check_lake(what, row, lake_events.get(event_id), lake.pop(event_id, 0))
    for surplus in rows.values():
        for row in surplus:
            yield Problem(Kind.DUPLICATED, f"answer {row.message_id} was never sent")
    for event_id in lake:
        yield Problem(Kind.DUPLICATED, f"the lake has event {event_id}, which tells of no answer")


def _check_answer(
    what: str, answer: ExpectedAnswer, row: FoundAnswer, *, uuid: str | None
) -> Iterator[Problem]:
    effect = answer.effect
    if (row.key, row.value, row.score) != (effect.key, effect.value, effect.score):
        yield Problem(Kind.LOST, f"{what} is recorded with another key, value or score")
    if row.conversation_uuid is None or row.conversation_uuid != uuid:
        yield Problem(Kind.OUT_OF_ORDER, f"{what} is on another conversation")


def _check_lake(
    what: str, row: FoundAnswer, event: dict[str, object] | None, times: int
) -> Iterator[Problem]:
    if event is None or not row.is_delivered:
        yield Problem(Kind.LOST, f"{what} was not told to the lake")
        return
    for _ in range(times - 1):
        yield Problem(Kind.DUPLICATED, f"{what} is in the lake more than once")
    metadata = event["metadata"]
    told = (event["project"], event["contact_urn"], event["key"], event["value"])
    of_row = (row.project_uuid, row.contact_urn, row.key, row.value)
    names_conversation = isinstance(metadata, dict) and (
        metadata.get("conversation_uuid") == row.conversation_uuid
    )
    if told != of_row or not names_conversation:
        yield Problem(Kind.LOST, f"{what} was told to the lake as something else")


def _check_dead_letters(sent: list[SentEvent], found: list[FoundDeadLetter]) -> Iterator[Problem]:
    by_source = defaultdict(list)
    for letter in found:
        by_source[letter.told.get("source_message_id", "")].append(letter)
    for one in sent:
        what = f"the quarantined event {one.message_id}"
        letters = by_source.pop(one.message_id, [])
        if not letters:
            yield Problem(Kind.LOST, f"{what} is not in the dead-letter queue")
        for _ in letters[1:]:
            yield Problem(Kind.DUPLICATED, f"{what} is in the dead-letter queue more than once")
        for letter in letters[:1]:
            is_whole = letter.body == one.event.body
            if not is_whole or letter.told.get("group_id") != one.event.group_id:
                yield Problem(Kind.LOST, f"{what} is not whole in the dead-letter queue")
            for name in TOLD_OF_DEAD_LETTERS:
                if not letter.told.get(name):
                    yield Problem(Kind.LOST, f"{what} does not tell its {name}")
    for source, letters in by_source.items():
        for _ in letters:
            yield Problem(Kind.DUPLICATED, f"the dead letter of {source} should not be there")
