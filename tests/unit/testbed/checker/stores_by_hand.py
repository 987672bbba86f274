"""Events of one contact, and hand-made stores with their correct effects."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from testbed.checker.check import check
from testbed.checker.report import count_kinds
from testbed.checker.stores import (
    FoundAnswer,
    FoundConversation,
    FoundDeadLetter,
    FoundMessage,
    FoundVersion,
    LakeEvent,
    Stores,
)
from testbed.traffic import bodies
from testbed.traffic.events import (
    IN_PROGRESS,
    RESOLVED,
    Answer,
    Closing,
    Contact,
    Effect,
    Invalid,
    Message,
    SentEvent,
    Trait,
    Window,
)
from tests.unit.testbed.sent_events import NOON, as_sent, planned

CONTACT = Contact(project="p", channel="c", urn="u")
TIMED = Contact(project="t", channel="c", urn="timed", trait=Trait.TIMED)
SPLIT = Contact(project="p", channel="c", urn="split", trait=Trait.SPLIT)
CLOSING_TIME = NOON + timedelta(hours=12)


def at(number: int) -> str:
    return f"2026-01-01T00:00:{number:02d}.000000Z"


def chat(number: int, conversation: int | None, *, opens: bool = False) -> Message:
    """Return a message. With the same id again, it is an edit."""
    return Message(
        message_id=f"m{number}", created_at=at(number), conversation=conversation, opens=opens
    )


def events(*effects: Effect, contact: Contact = CONTACT) -> list[SentEvent]:
    """Return sent events in this order."""
    return as_sent(
        planned(
            number,
            effect,
            contact=contact,
            body=_chat_body(effect, number=number, contact=contact)
            if isinstance(effect, Message)
            else None,
        )
        for number, effect in enumerate(effects, 1)
    )


def _chat_body(effect: Message, *, number: int, contact: Contact) -> dict[str, object]:
    return bodies.message(
        contact=contact,
        correlation_id=f"e-{number}",
        event_type="message.received",
        fields={"id": effect.message_id, "text": f"text {number}", "created_at": effect.created_at},
    )


# Two conversations, m1 m2 and m4 m5, the first of which was edited, answered and closed.
SENT = events(
    chat(1, 1, opens=True),
    chat(2, 1),
    chat(2, 1),
    Window(external_id="w1", conversation=1, contact_name="Ana"),
    Window(external_id="w2", conversation=1, contact_name="Ana"),
    Answer(message_id="a1", key="weni_csat", value="2", score=2, conversation=1),
    Answer(message_id="a2", key="weni_csat", value="5", score=5, conversation=1),
    Closing(conversation=1, resolution=RESOLVED),
    chat(4, 2, opens=True),
    Invalid(reason="not_json"),
    chat(5, 2),
)


def message(
    number: int, *, versions: int | None = None, sent: Sequence[SentEvent] = SENT
) -> FoundMessage:
    """Return the message with its sent versions, or with the first of them."""
    message_id = f"m{number}"
    of_message = [
        one
        for one in sent
        if isinstance(one.event.effect, Message) and one.event.effect.message_id == message_id
    ]
    return FoundMessage(
        message_id=message_id,
        versions=[
            FoundVersion(
                document=json.loads(one.event.body),
                created_at=at(number),
                sequence_number=one.sequence_number,
            )
            for one in of_message[:versions]
        ],
    )


CLOSED = FoundConversation(
    uuid="first",
    contact=CONTACT.id,
    started_at=at(1),
    closes_at=CLOSING_TIME,
    ended_at=NOON,
    resolution=RESOLVED,
    external_id="w2",
    contact_name="Ana",
    csat=5,
    message_count=2,
    is_archived=True,
    archive=[message(1), message(2)],
)
CURRENT = FoundConversation(
    uuid="second",
    contact=CONTACT.id,
    started_at=at(4),
    closes_at=CLOSING_TIME,
    resolution=IN_PROGRESS,
    stored=[message(4), message(5)],
)
ANSWERS = [
    FoundAnswer(
        number=number,
        contact=CONTACT.id,
        message_id=f"a{number}",
        sequence_number=5 + number,
        key="weni_csat",
        value=value,
        score=int(value),
        conversation_uuid="first",
        event_id=f"l{value}",
        is_delivered=True,
    )
    for number, value in ((1, "2"), (2, "5"))
]
LAKE = [
    LakeEvent(
        event_id=f"l{value}",
        project="p",
        contact_urn="u",
        key="weni_csat",
        value=value,
        conversation_uuid="first",
    )
    for value in ("2", "5")
]
DEAD_LETTER = FoundDeadLetter(
    body='{"correlation_id": "e-10"}',
    source_message_id="sqs-10",
    fields={
        "reason": "not_json",
        "error": "a sentence",
        "group_id": "u-group",
        "queue_time": NOON.isoformat(),
        "sequence_number": "10",
        "receive_count": "1",
    },
)
STORES = Stores(
    conversations=[CLOSED, CURRENT], answers=ANSWERS, dead_letters=[DEAD_LETTER], lake=LAKE
)


def counted(
    stores: Stores,
    *,
    sent: Sequence[SentEvent] = SENT,
    closings: Mapping[str, datetime] | None = None,
    is_drained: bool = True,
    lake_may_repeat: bool = True,
) -> dict[str, int]:
    """Return the kinds of the defects."""
    defects = check(
        sent=sent,
        stores=stores,
        closings=closings,
        is_drained=is_drained,
        lake_may_repeat=lake_may_repeat,
    )
    return {kind: n for kind, n in count_kinds(defects).items() if n}


def with_rows(*rows: FoundConversation) -> Stores:
    return replace(STORES, conversations=list(rows))
