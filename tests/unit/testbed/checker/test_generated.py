"""Stores that a correct service would leave after generated traffic have no defect."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice

import pytest

from testbed.checker.check import check
from testbed.checker.report import Kind
from testbed.checker.stores import (
    FoundAnswer,
    FoundConversation,
    FoundDeadLetter,
    FoundMessage,
    FoundVersion,
    LakeEvent,
    Stores,
)
from testbed.traffic.day import generate_day
from testbed.traffic.effects import (
    Expected,
    ExpectedConversation,
    ExpectedMessage,
    expected_effects,
)
from testbed.traffic.events import HAS_CHAT_ROOM, PlannedEvent, SentEvent, sortable
from testbed.traffic.stream import Stream
from tests.unit.testbed.sent_events import NOON, as_sent

MIDNIGHT = NOON + timedelta(hours=12)
DAY = generate_day(events=300, seed=3, day=NOON.date())
STREAM = Stream(seed=3, start=NOON, rate=50)
GENERATED = {
    "a day": (DAY.events, {project.uuid: MIDNIGHT for project in DAY.projects}),
    # For the others, the events alone do not determine the conversations.
    "a stream": ([one for one in islice(STREAM, 3_000) if one.contact.is_certain], {}),
}


def faultless(expected: Expected) -> Stores:
    homes = {(each.contact.id, each.number): str(each) for each in expected.conversations}
    answers, lake = [], []
    for number, ((contact_id, message_id), one) in enumerate(expected.answers.items()):
        answer = one.answer
        home = homes.get((contact_id, answer.conversation or 0))
        answers.append(
            FoundAnswer(
                number=number,
                contact=contact_id,
                message_id=message_id,
                sequence_number=one.sequence_number,
                key=answer.key,
                value=answer.value,
                score=answer.score,
                conversation_uuid=home,
                event_id=f"event {number}",
                is_delivered=True,
            )
        )
        lake.append(
            LakeEvent(
                event_id=f"event {number}",
                project=one.contact.project,
                contact_urn=one.contact.urn,
                key=answer.key,
                value=answer.value,
                conversation_uuid=home,
            )
        )
    return Stores(
        conversations=[found(each, expected) for each in expected.conversations],
        answers=answers,
        dead_letters=list(map(dead_letter, expected.invalid)),
        lake=lake,
    )


def found(conversation: ExpectedConversation, expected: Expected) -> FoundConversation:
    all_messages = expected.contacts[conversation.contact.id].messages
    messages = [kept(all_messages[message_id]) for message_id in conversation.message_ids]
    messages.sort(key=lambda one: (one.versions[0].created_at, one.versions[0].sequence_number))
    opened_by = conversation.opened_by
    return FoundConversation(
        uuid=str(conversation),
        contact=conversation.contact.id,
        started_at=(opened_by and opened_by.created_at) or "",
        closes_at=MIDNIGHT,
        ended_at=MIDNIGHT if conversation.closes_at else NOON if conversation.closing else None,
        resolution=conversation.resolution,
        contact_name=conversation.contact_name,
        external_id=(["", *conversation.external_ids])[-1],
        has_chats_room=conversation.resolution == HAS_CHAT_ROOM,
        csat=conversation.score("weni_csat"),
        nps=conversation.score("weni_nps"),
        message_count=len(messages) if conversation.is_closed else 0,
        is_archived=conversation.is_closed,
        archive=messages if conversation.is_closed else [],
        stored=[] if conversation.is_closed else messages,
    )


def kept(message: ExpectedMessage) -> FoundMessage:
    return FoundMessage(
        message_id=message.message_id,
        versions=[
            FoundVersion(
                document=version.document,
                created_at=sortable(version.earliest),
                sequence_number=min(version.correlation_ids),
            )
            for version in message.versions
        ],
    )


def dead_letter(one: SentEvent) -> FoundDeadLetter:
    reason = getattr(one.event.effect, "reason", "")
    fields = dict.fromkeys(("error", "first_sent_at", "receive_count"), "1")
    return FoundDeadLetter(
        body=one.event.body,
        source_message_id=one.message_id,
        fields={**fields, "reason": reason, "group_id": one.event.group_id},
    )


@pytest.mark.parametrize("name", GENERATED)
def test_a_faultless_service_has_no_defect(name: str) -> None:
    events, closings = GENERATED[name]
    stores = faultless(expected_effects(as_sent(events), closings=closings))

    assert check(sent=as_sent(events), stores=stores, closings=closings) == []


@pytest.mark.parametrize("name", GENERATED)
def test_each_message_that_is_gone_is_lost(name: str) -> None:
    events, closings = GENERATED[name]
    stores = faultless(expected_effects(as_sent(events), closings=closings))
    damaged = [without_last_message(row) for row in stores.conversations]
    gone = sum(row is not whole for row, whole in zip(damaged, stores.conversations, strict=True))

    assert gone > 10
    assert lost_messages(events, replace(stores, conversations=damaged), closings) >= gone


def without_last_message(row: FoundConversation) -> FoundConversation:
    if len(row.archive) < 2:
        return row
    return replace(row, archive=row.archive[:-1], message_count=row.message_count - 1)


def lost_messages(
    events: list[PlannedEvent], stores: Stores, closings: Mapping[str, datetime]
) -> int:
    defects = check(sent=as_sent(events), stores=stores, closings=closings)
    return sum(defect.kind is Kind.LOST for defect in defects)
