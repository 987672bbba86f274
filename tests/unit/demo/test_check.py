"""The demo's check finds what is wrong: each test breaks findings that were right."""

import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from demo.check import check
from demo.closings import plan_closings
from demo.events import Answered, Changed, ConversationName, PlannedEvent, Quarantined, Stored
from demo.expectations import Expectations, ExpectedConversation, SentEvent, expectations
from demo.figures import expected_figures
from demo.findings import (
    Findings,
    FoundAnswer,
    FoundConversation,
    FoundDeadLetter,
    FoundMessage,
    FoundVersion,
)
from demo.problems import Kind
from demo.traffic import Day, generate_day

SENT_AT = datetime(2026, 3, 14, 12, tzinfo=UTC)
HALF_A_DAY_LATER = SENT_AT + timedelta(hours=12)


def _sent(events: list[PlannedEvent]) -> list[SentEvent]:
    return [
        SentEvent(
            event=event,
            message_id=f"sqs-{number}",
            sequence_number=number,
            sent_from=SENT_AT + timedelta(seconds=number),
            sent_until=SENT_AT + timedelta(seconds=number + 1),
        )
        for number, event in enumerate(events)
    ]


@pytest.fixture(scope="module")
def day() -> Day:
    return generate_day(events=300, seed=3, day=SENT_AT.date())


@pytest.fixture
def expected(day: Day) -> Expectations:
    closings = plan_closings(day.projects, now=SENT_AT + timedelta(hours=1))
    return expectations(
        _sent(day.events), closings={each.project.uuid: each.at for each in closings}
    )


@pytest.fixture
def found(expected: Expectations) -> Findings:
    return _as_found(expected)


def _as_found(expected: Expectations) -> Findings:
    """What a service without a fault would leave, told in the stores' terms."""
    uuids = {name: f"uuid of {name}" for name in expected.conversations}
    answers, lake = [], []
    for identity, answer in expected.answers.items():
        effect = answer.effect
        project, channel, urn, message_id = identity
        answers.append(
            FoundAnswer(
                project_uuid=project,
                channel_uuid=channel,
                contact_urn=urn,
                message_id=message_id,
                key=effect.key,
                value=effect.value,
                score=effect.score,
                conversation_uuid=uuids[effect.conversation],
                event_id=f"event of {message_id}",
                is_delivered=True,
            )
        )
        lake.append(
            {
                "event_id": f"event of {message_id}",
                "project": project,
                "contact_urn": urn,
                "key": effect.key,
                "value": effect.value,
                "metadata": {"conversation_uuid": uuids[effect.conversation]},
            }
        )
    return Findings(
        conversations=[_conversation(expected, name, uuids[name]) for name in uuids],
        answers=answers,
        dead_letters=[
            FoundDeadLetter(
                body=one.event.body,
                told={
                    "source_message_id": one.message_id,
                    "group_id": one.event.group_id,
                    "reason": "malformed_field",
                    "error": "a sentence",
                    "first_sent_at": "1",
                    "receive_count": "1",
                },
            )
            for one in expected.quarantined
        ],
        lake=lake,
        figures=expected_figures(expected),
    )


def _conversation(expected: Expectations, name: ConversationName, uuid: str) -> FoundConversation:
    conversation = expected.conversations[name]
    messages = [
        FoundMessage(
            message_id=message_id,
            versions=[
                FoundVersion(document=version.document, at=version.earliest)
                for version in sorted(
                    conversation.messages[message_id], key=lambda each: each.position
                )
            ],
        )
        for message_id in conversation.transcript
    ]
    return FoundConversation(
        project_uuid=name.project_uuid,
        channel_uuid=name.channel_uuid,
        contact_urn=name.contact_urn,
        uuid=uuid,
        contact_name=conversation.contact_name or "",
        external_id=conversation.external_id or "",
        opened_at=SENT_AT + timedelta(hours=name.number),
        closes_at=conversation.closes_at or HALF_A_DAY_LATER,
        ended_at=_ended_at(conversation),
        resolution=conversation.resolution,
        csat=conversation.scores.get("weni_csat"),
        nps=conversation.scores.get("weni_nps"),
        message_count=len(messages) if conversation.is_closed else 0,
        archive=messages if conversation.is_closed else [],
        in_progress=[] if conversation.is_closed else messages,
    )


def _ended_at(conversation: ExpectedConversation) -> datetime | None:
    if conversation.closes_at:
        return conversation.closes_at + timedelta(seconds=1)
    return SENT_AT if conversation.is_closed else None


def _kinds(expected: Expectations, found: Findings) -> Counter[Kind]:
    return Counter(problem.kind for problem in check(expected=expected, found=found))


def _with(found: Findings, index: int, **changes: Any) -> Findings:
    conversations = list(found.conversations)
    conversations[index] = replace(conversations[index], **changes)
    return replace(found, conversations=conversations)


def test_findings_without_a_fault_have_no_problem(expected: Expectations, found: Findings) -> None:
    assert check(expected=expected, found=found) == []


def test_a_message_that_is_nowhere_is_lost(expected: Expectations, found: Findings) -> None:
    broken = _with(found, 0, archive=found.conversations[0].archive[1:])
    assert _kinds(expected, broken) == {Kind.LOST: 1}


def test_a_message_whose_text_was_cut_is_lost(expected: Expectations, found: Findings) -> None:
    first, *rest = found.conversations[0].archive
    document = json.loads(json.dumps(first.versions[0].document))
    document["data"]["message"]["text"] = document["data"]["message"]["text"][:-1]
    cut = replace(first, versions=[replace(first.versions[0], document=document)])
    kinds = _kinds(expected, _with(found, 0, archive=[cut, *rest]))
    assert kinds[Kind.LOST] == 1


def test_a_message_that_was_not_archived_is_lost(expected: Expectations, found: Findings) -> None:
    first, *rest = found.conversations[0].archive
    broken = _with(found, 0, archive=rest, in_progress=[first])
    assert _kinds(expected, broken) == {Kind.LOST: 1}


def test_a_message_that_is_archived_twice_is_duplicated(
    expected: Expectations, found: Findings
) -> None:
    first, *rest = found.conversations[0].archive
    broken = _with(found, 0, archive=[first, first, *rest])
    assert _kinds(expected, broken) == {Kind.DUPLICATED: 1}


def test_a_message_that_stays_in_dynamodb_after_its_archive_is_duplicated(
    expected: Expectations, found: Findings
) -> None:
    broken = _with(found, 0, in_progress=found.conversations[0].archive[:1])
    assert _kinds(expected, broken) == {Kind.DUPLICATED: 1}


def test_a_repeat_kept_as_an_edit_is_duplicated(expected: Expectations, found: Findings) -> None:
    first, *rest = found.conversations[0].archive
    doubled = replace(first, versions=[*first.versions, first.versions[0]])
    broken = _with(found, 0, archive=[doubled, *rest])
    assert _kinds(expected, broken) == {Kind.DUPLICATED: 1}


def test_a_message_that_nobody_sent_is_duplicated(expected: Expectations, found: Findings) -> None:
    archive = found.conversations[0].archive
    strange = replace(archive[0], message_id="nobody sent this")
    broken = _with(found, 0, archive=[*archive, strange])
    assert _kinds(expected, broken) == {Kind.DUPLICATED: 1}


def test_two_messages_that_changed_places_are_out_of_order(
    expected: Expectations, found: Findings
) -> None:
    first, second, *rest = found.conversations[0].archive
    broken = _with(found, 0, archive=[second, first, *rest])
    assert _kinds(expected, broken) == {Kind.OUT_OF_ORDER: 1}


def test_a_message_in_the_next_conversation_of_its_contact_is_out_of_order(
    expected: Expectations, found: Findings
) -> None:
    (first, second) = next(
        pair for pair in found.conversations_by_contact().values() if len(pair) == 2
    )
    moved = first.archive[-1]
    broken = _with(found, found.conversations.index(first), archive=first.archive[:-1])
    index = broken.conversations.index(second)
    broken = _with(broken, index, archive=[moved, *second.archive])
    assert _kinds(expected, broken) == {Kind.OUT_OF_ORDER: 1}


def test_a_message_with_another_time_is_out_of_order(
    expected: Expectations, found: Findings
) -> None:
    first, *rest = found.conversations[0].archive
    at = first.versions[0].at + timedelta(microseconds=1)
    moved = replace(first, versions=[replace(first.versions[0], at=at), *first.versions[1:]])
    assert _kinds(expected, _with(found, 0, archive=[moved, *rest])) == {Kind.OUT_OF_ORDER: 1}


def test_edits_in_another_order_are_out_of_order(expected: Expectations, found: Findings) -> None:
    index, place, edited = next(
        (index, place, message)
        for index, conversation in enumerate(found.conversations)
        for place, message in enumerate(conversation.archive)
        if len(message.versions) > 1
    )
    archive = list(found.conversations[index].archive)
    archive[place] = replace(edited, versions=list(reversed(edited.versions)))
    assert _kinds(expected, _with(found, index, archive=archive)) == {Kind.OUT_OF_ORDER: 1}


def test_a_lost_edit_is_lost(expected: Expectations, found: Findings) -> None:
    index, place, edited = next(
        (index, place, message)
        for index, conversation in enumerate(found.conversations)
        for place, message in enumerate(conversation.archive)
        if len(message.versions) > 1
    )
    archive = list(found.conversations[index].archive)
    archive[place] = replace(edited, versions=edited.versions[:1])
    assert _kinds(expected, _with(found, index, archive=archive)) == {Kind.LOST: 1}


def test_a_close_without_effect_is_lost(expected: Expectations, found: Findings) -> None:
    assert _kinds(expected, _with(found, 0, resolution=2)) == {Kind.LOST: 1}


def _index_of_one_closed_by_time(found: Findings) -> int:
    return next(i for i, each in enumerate(found.conversations) if each.is_closed_by_time)


def test_a_conversation_that_the_clock_did_not_close_is_lost(
    expected: Expectations, found: Findings
) -> None:
    index = _index_of_one_closed_by_time(found)
    broken = _with(found, index, resolution=2, ended_at=None)
    assert _kinds(expected, broken) == {Kind.LOST: 1}


def test_a_conversation_that_the_clock_closed_as_resolved_is_lost(
    expected: Expectations, found: Findings
) -> None:
    index = _index_of_one_closed_by_time(found)
    assert _kinds(expected, _with(found, index, resolution=0)) == {Kind.LOST: 1}


def test_a_conversation_closed_before_the_time_of_its_project_is_out_of_order(
    expected: Expectations, found: Findings
) -> None:
    index = _index_of_one_closed_by_time(found)
    early = found.conversations[index].closes_at - timedelta(microseconds=1)
    broken = _with(found, index, ended_at=early)
    assert _kinds(expected, broken) == {Kind.OUT_OF_ORDER: 1}


def test_a_conversation_closed_at_the_time_of_another_project_is_out_of_order(
    expected: Expectations, found: Findings
) -> None:
    index = _index_of_one_closed_by_time(found)
    here = found.conversations[index]
    other = next(
        each
        for each in found.conversations
        if each.is_closed_by_time and each.project_uuid != here.project_uuid
    )
    broken = _with(found, index, closes_at=other.closes_at, ended_at=other.ended_at)
    assert _kinds(expected, broken) == {Kind.OUT_OF_ORDER: 1}


def test_a_conversation_that_the_clock_closed_instead_of_its_event_is_lost(
    expected: Expectations, found: Findings
) -> None:
    index = next(i for i, each in enumerate(found.conversations) if not each.is_closed_by_time)
    broken = _with(found, index, ended_at=HALF_A_DAY_LATER)
    assert _kinds(expected, broken) == {Kind.LOST: 1}


@pytest.mark.parametrize("field", ["csat", "nps", "message_count"])
def test_a_wrong_figure_on_a_conversation_is_lost(
    expected: Expectations, found: Findings, field: str
) -> None:
    assert _kinds(expected, _with(found, 0, **{field: 99})) == {Kind.LOST: 1}


def test_a_conversation_that_was_not_opened_is_lost_with_its_messages(
    expected: Expectations, found: Findings
) -> None:
    broken = replace(found, conversations=found.conversations[:-1])
    lost = len(found.conversations[-1].archive) + 1
    assert _kinds(expected, broken)[Kind.LOST] == lost


def test_a_conversation_too_many_is_duplicated(expected: Expectations, found: Findings) -> None:
    surplus = replace(
        found.conversations[0],
        uuid="another",
        opened_at=SENT_AT + timedelta(days=1),
        archive=[],
    )
    broken = replace(found, conversations=[*found.conversations, surplus])
    assert _kinds(expected, broken) == {Kind.DUPLICATED: 1}


def test_an_item_of_no_conversation_is_duplicated(expected: Expectations, found: Findings) -> None:
    assert _kinds(expected, replace(found, strays=["a key"])) == {Kind.DUPLICATED: 1}


def test_an_answer_that_is_not_recorded_is_lost(expected: Expectations, found: Findings) -> None:
    broken = replace(found, answers=found.answers[1:], lake=found.lake[1:])
    assert _kinds(expected, broken) == {Kind.LOST: 1}


def test_an_answer_recorded_twice_is_duplicated(expected: Expectations, found: Findings) -> None:
    broken = replace(found, answers=[*found.answers, found.answers[0]])
    assert _kinds(expected, broken) == {Kind.DUPLICATED: 1}


def test_an_answer_with_another_score_is_lost(expected: Expectations, found: Findings) -> None:
    changed = replace(found.answers[0], score=99)
    broken = replace(found, answers=[changed, *found.answers[1:]])
    assert _kinds(expected, broken) == {Kind.LOST: 1}


def test_an_answer_on_another_conversation_is_out_of_order(
    expected: Expectations, found: Findings
) -> None:
    changed = replace(found.answers[0], conversation_uuid="another")
    event = {**found.lake[0], "metadata": {"conversation_uuid": "another"}}
    broken = replace(found, answers=[changed, *found.answers[1:]], lake=[event, *found.lake[1:]])
    assert _kinds(expected, broken) == {Kind.OUT_OF_ORDER: 1}


@pytest.mark.parametrize("changes", [{"is_delivered": False}, {"event_id": None}])
def test_an_answer_whose_outbox_row_is_missing_or_waits_is_lost(
    expected: Expectations, found: Findings, changes: dict[str, Any]
) -> None:
    changed = replace(found.answers[0], **changes)
    broken = replace(found, answers=[changed, *found.answers[1:]], lake=found.lake[1:])
    assert _kinds(expected, broken) == {Kind.LOST: 1}


def test_an_answer_that_the_lake_has_twice_is_duplicated(
    expected: Expectations, found: Findings
) -> None:
    broken = replace(found, lake=[*found.lake, found.lake[0]])
    assert _kinds(expected, broken) == {Kind.DUPLICATED: 1}


def test_a_lake_event_that_tells_of_no_answer_is_duplicated(
    expected: Expectations, found: Findings
) -> None:
    broken = replace(found, lake=[*found.lake, {**found.lake[0], "event_id": "another"}])
    assert _kinds(expected, broken) == {Kind.DUPLICATED: 1}


def test_a_lake_event_with_another_value_is_lost(expected: Expectations, found: Findings) -> None:
    broken = replace(found, lake=[{**found.lake[0], "value": "99"}, *found.lake[1:]])
    assert _kinds(expected, broken) == {Kind.LOST: 1}


def test_a_dead_letter_that_is_missing_is_lost(expected: Expectations, found: Findings) -> None:
    broken = replace(found, dead_letters=found.dead_letters[1:])
    assert _kinds(expected, broken) == {Kind.LOST: 1}


@pytest.mark.parametrize("name", ["reason", "error", "first_sent_at", "receive_count", "group_id"])
def test_a_dead_letter_that_does_not_say_why_and_whence_is_lost(
    expected: Expectations, found: Findings, name: str
) -> None:
    first, *rest = found.dead_letters
    silent = replace(first, told={key: value for key, value in first.told.items() if key != name})
    assert _kinds(expected, replace(found, dead_letters=[silent, *rest])) == {Kind.LOST: 1}


def test_a_dead_letter_with_a_shortened_body_is_lost(
    expected: Expectations, found: Findings
) -> None:
    first, *rest = found.dead_letters
    cut = replace(first, body=first.body[:-1])
    assert _kinds(expected, replace(found, dead_letters=[cut, *rest])) == {Kind.LOST: 1}


def test_an_event_that_is_quarantined_twice_is_duplicated(
    expected: Expectations, found: Findings
) -> None:
    broken = replace(found, dead_letters=[*found.dead_letters, found.dead_letters[0]])
    assert _kinds(expected, broken) == {Kind.DUPLICATED: 1}


def test_a_good_event_that_is_quarantined_is_duplicated(
    expected: Expectations, found: Findings
) -> None:
    letter = found.dead_letters[0]
    wrong = replace(letter, told={**letter.told, "source_message_id": "of a good event"})
    broken = replace(found, dead_letters=[*found.dead_letters, wrong])
    assert _kinds(expected, broken) == {Kind.DUPLICATED: 1}


def _chat(name: ConversationName, *, created_at: str, text: str = "oi") -> PlannedEvent:
    message = {"id": "m-1", "text": text, "created_at": created_at, "size": 1.10}
    data = {
        "project_uuid": name.project_uuid,
        "channel_uuid": name.channel_uuid,
        "contact_urn": name.contact_urn,
        "message": message,
    }
    body = {"event_type": "message.received", "correlation_id": "c", "data": data}
    return PlannedEvent(
        body=json.dumps(body),
        group_id="group",
        deduplication_id="id",
        attributes={},
        effect=Stored(conversation=name),
    )


NAME = ConversationName(project_uuid="p", channel_uuid="c", contact_urn="u")


def test_a_message_without_a_time_must_have_that_of_its_sending() -> None:
    expected = _expected([_chat(NAME, created_at="")])
    good = _as_found(expected)
    version = good.conversations[0].in_progress[0].versions[0]
    for at, problems in ((SENT_AT, 0), (SENT_AT - timedelta(seconds=1), 1)):
        message = FoundMessage(message_id="m-1", versions=[replace(version, at=at)])
        assert (
            len(check(expected=expected, found=_with(good, 0, in_progress=[message]))) == problems
        )


def test_a_repeat_is_no_version_but_an_edit_is() -> None:
    at = "2026-03-14T10:00:00Z"
    original, edit = _chat(NAME, created_at=at), _chat(NAME, created_at=at, text="olá")
    (conversation,) = _expected([original, original, edit]).conversations.values()
    texts = [each.document["data"]["message"]["text"] for each in conversation.messages["m-1"]]
    assert texts == ["oi", "olá"]


def test_numbers_are_expected_exactly() -> None:
    (conversation,) = _expected([_chat(NAME, created_at="")]).conversations.values()
    document = conversation.messages["m-1"][0].document
    assert document["data"]["message"]["size"] == Decimal("1.1")


def test_the_score_of_a_conversation_is_that_of_its_last_answer() -> None:
    def answer(value: str, message_id: str) -> PlannedEvent:
        body = {"data": {"message": {"id": message_id}}}
        effect = Answered(conversation=NAME, key="weni_csat", value=value, score=int(value))
        return replace(_chat(NAME, created_at=""), body=json.dumps(body), effect=effect)

    expected = _expected([answer("5", "a"), answer("3", "b"), answer("1", "a")])
    assert expected.conversations[NAME].scores == {"weni_csat": 3}
    assert len(expected.answers) == 2


def test_a_conversation_without_a_close_is_expected_in_progress() -> None:
    chat = _chat(NAME, created_at="")
    update = replace(chat, effect=Changed(conversation=NAME, external_id="w-1"))
    close = replace(chat, effect=Changed(conversation=NAME, resolution=0))
    quarantined = replace(chat, effect=Quarantined())
    assert not _expected([chat, update]).conversations[NAME].is_closed
    assert _expected([chat, update, close]).conversations[NAME].is_closed
    assert _expected([quarantined]).conversations == {}


def test_what_no_event_closes_is_expected_unclassified_at_the_time_of_its_project() -> None:
    chat = _chat(NAME, created_at="")
    close = replace(chat, effect=Changed(conversation=NAME, resolution=0))
    closings = {NAME.project_uuid: SENT_AT}
    left_open = expectations(_sent([chat]), closings=closings).conversations[NAME]
    closed = expectations(_sent([chat, close]), closings=closings).conversations[NAME]
    elsewhere = expectations(_sent([chat]), closings={"another": SENT_AT}).conversations[NAME]
    assert (left_open.resolution, left_open.closes_at) == (3, SENT_AT)
    assert (closed.resolution, closed.closes_at) == (0, None)
    assert not elsewhere.is_closed


def _expected(events: list[PlannedEvent]) -> Expectations:
    return expectations(_sent(events), closings={})
