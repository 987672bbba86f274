"""Makes the stores that a faultless service would leave after some events."""

from datetime import timedelta

from testbed.checker.stores import (
    FoundAnswer,
    FoundConversation,
    FoundDeadLetter,
    FoundMessage,
    FoundVersion,
    LakeEvent,
    Stores,
)
from testbed.traffic.effects import Expected, ExpectedConversation, ExpectedMessage
from testbed.traffic.events import HAS_CHAT_ROOM, SentEvent, sortable
from tests.unit.testbed.sent_events import NOON

MIDNIGHT = NOON + timedelta(hours=12)


def faultless(expected: Expected) -> Stores:
    homes = {(each.contact.id, each.number): str(each) for each in expected.conversations}
    answers, lake = [], []
    for number, one in enumerate(expected.answers):
        answer = one.answer
        home = homes.get((one.contact.id, answer.conversation or 0))
        answers.append(
            FoundAnswer(
                number=number,
                contact=one.contact.id,
                message_id=answer.message_id,
                sequence_number=one.sequence_number,
                key=answer.key,
                value=answer.value,
                score=answer.score,
                has_problem=answer.unscorable,
                conversation_uuid=home,
                event_id=None if answer.unscorable else f"event {number}",
                is_delivered=not answer.unscorable,
            )
        )
        if answer.unscorable:
            continue
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
    messages = [
        kept(all_messages[conversation.number, message_id])
        for message_id in conversation.message_ids
    ]
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
        message_id=message.id[1],
        versions=[
            FoundVersion(
                document=version.document,
                created_at=sortable(version.earliest),
                sequence_number=min(version.sequence_numbers),
            )
            for version in message.versions
        ],
    )


def dead_letter(one: SentEvent) -> FoundDeadLetter:
    reason = getattr(one.event.effect, "reason", "")
    return FoundDeadLetter(
        body=one.event.body,
        source_message_id=one.message_id,
        fields={
            **dict.fromkeys(("error", "receive_count"), "1"),
            "reason": reason,
            "group_id": one.event.group_id,
            "sequence_number": str(one.sequence_number),
            "queue_time": one.sent_from.isoformat(),
        },
    )
