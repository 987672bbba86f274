"""The checker compares contents: bodies, times, states, reasons and the lake."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from testbed.checker.stores import FoundConversation, FoundMessage, Stores
from testbed.traffic.events import UNCLASSIFIED, Closing, Message, SentEvent, Window
from tests.unit.testbed.checker.stores_by_hand import (
    ANSWERS,
    CLOSED,
    CLOSING_TIME,
    CONTACT,
    CURRENT,
    DEAD_LETTER,
    LAKE,
    SENT,
    STORES,
    at,
    counted,
    events,
    message,
    with_rows,
)
from tests.unit.testbed.sent_events import NOON

Counts = dict[str, int]
FIRST, EDITED = CLOSED.archive


def changed(number: int, kept: FoundMessage, **changes: Any) -> FoundMessage:
    """Return the message with one version changed."""
    versions = list(kept.versions)
    versions[number] = replace(versions[number], **changes)
    return replace(kept, versions=versions)


def with_text(kept: FoundMessage, text: str) -> FoundMessage:
    document = json.loads(json.dumps(kept.versions[0].document))
    document["data"]["message"]["text"] = text
    return changed(0, kept, document=document)


def with_archive(*archive: FoundMessage) -> Stores:
    count = len(archive)
    return with_rows(replace(CLOSED, archive=list(archive), message_count=count), CURRENT)


def with_letter(**fields: str) -> Stores:
    letter = replace(DEAD_LETTER, fields={**DEAD_LETTER.fields, **fields})
    return replace(STORES, dead_letters=[letter])


def with_answer(**changes: Any) -> Stores:
    return replace(STORES, answers=[replace(ANSWERS[0], **changes), ANSWERS[1]])


OF_NOBODY = replace(
    DEAD_LETTER,
    source_message_id="sqs-99",
    fields={**DEAD_LETTER.fields, "sequence_number": "99"},
)
# A letter of an invalid event that was redriven, and the letter that this redrive became.
REDRIVEN_LETTER = replace(DEAD_LETTER, is_redriven=True)
AGAIN = replace(DEAD_LETTER, source_message_id="sqs-redrive")

DAMAGES: dict[str, tuple[Stores, Counts]] = {
    "a message whose text was cut": (
        with_archive(with_text(FIRST, "t"), EDITED),
        {"lost": 1, "duplicated": 1},
    ),
    "a repeat kept as an edit": (
        with_archive(replace(FIRST, versions=[*FIRST.versions, *FIRST.versions]), EDITED),
        {"duplicated": 1},
    ),
    "an edit kept as a message of its own": (
        with_archive(FIRST, message(2, versions=1), replace(EDITED, versions=EDITED.versions[1:])),
        {"duplicated": 1},
    ),
    "edits in another order": (
        with_archive(FIRST, replace(EDITED, versions=EDITED.versions[::-1])),
        {"out_of_order": 1},
    ),
    "a message with another time": (
        with_archive(changed(0, FIRST, created_at="2026-01-01T00:00:01.000001Z"), EDITED),
        {"out_of_order": 1},
    ),
    "a message with the place of another event": (
        with_archive(changed(0, FIRST, sequence_number=2), EDITED),
        {"out_of_order": 1},
    ),
    "a message that is archived while its conversation is open": (
        with_rows(CLOSED, replace(CURRENT, archive=CURRENT.stored[:1], stored=[], message_count=1)),
        {"lost": 1, "out_of_order": 1},
    ),
    "a closed conversation that is gone": (
        replace(with_rows(CURRENT), answers=[], lake=[]),
        # Three versions of messages, the last window, two answers and the close.
        {"lost": 7},
    ),
    "a contact's name that was lost": (
        with_rows(replace(CLOSED, contact_name=""), CURRENT),
        {"lost": 1},
    ),
    "a window of nobody": (
        with_rows(CLOSED, replace(CURRENT, external_id="w9")),
        {"misattributed": 1},
    ),
    "a score that nobody gave": (with_rows(replace(CLOSED, csat=4), CURRENT), {"lost": 1}),
    "a score of another kind": (with_rows(replace(CLOSED, nps=5), CURRENT), {"lost": 1}),
    "a score of the conversation before": (
        with_rows(CLOSED, replace(CURRENT, csat=5)),
        {"lost": 1},
    ),
    "a conversation closed by time before its event": (
        with_rows(replace(CLOSED, ended_at=CLOSING_TIME), CURRENT),
        {"misattributed": 1},
    ),
    "an answer with another score": (with_answer(score=9), {"lost": 1}),
    "an answer with the place of another event": (
        with_answer(sequence_number=1),
        {"out_of_order": 1},
    ),
    "an answer that waits in the outbox": (with_answer(is_delivered=False), {"lost": 1}),
    "an answer without a row in the outbox": (
        replace(with_answer(event_id=None, is_delivered=False), lake=LAKE[1:]),
        {"lost": 1},
    ),
    "an answer that nobody sent": (
        replace(STORES, answers=[*ANSWERS, replace(ANSWERS[1], number=3, message_id="a3")]),
        {"duplicated": 1},
    ),
    "an event in the lake with another value": (
        replace(STORES, lake=[replace(LAKE[0], value="9"), LAKE[1]]),
        {"lost": 1},
    ),
    "an event in the lake with another conversation": (
        replace(STORES, lake=[replace(LAKE[0], conversation_uuid="second"), LAKE[1]]),
        {"lost": 1},
    ),
    "a dead letter with a shortened body": (
        replace(STORES, dead_letters=[replace(DEAD_LETTER, body="{")]),
        {"lost": 1},
    ),
    "a dead letter of another group": (with_letter(group_id="other"), {"lost": 1}),
    "a dead letter for another reason": (with_letter(reason="not_an_object"), {"lost": 1}),
    "a dead letter of nobody": (
        replace(STORES, dead_letters=[DEAD_LETTER, OF_NOBODY]),
        {"wrongly_quarantined": 1},
    ),
    "an invalid event that was redriven and is not a dead letter again": (
        replace(STORES, dead_letters=[REDRIVEN_LETTER]),
        {"lost": 1},
    ),
    "a redriven dead letter that is one twice": (
        replace(STORES, dead_letters=[REDRIVEN_LETTER, AGAIN, AGAIN]),
        {"duplicated": 1},
    ),
    "a redrive that lost the place of the first sending": (
        replace(
            STORES,
            dead_letters=[
                REDRIVEN_LETTER,
                replace(AGAIN, fields={**AGAIN.fields, "sequence_number": "12"}),
            ],
        ),
        # Nothing shows whose letter it is.
        {"lost": 1, "wrongly_quarantined": 1},
    ),
    "a redrive that lost the time of the first sending": (
        replace(
            STORES,
            dead_letters=[
                REDRIVEN_LETTER,
                replace(
                    AGAIN,
                    fields={
                        **AGAIN.fields,
                        "queue_time": (NOON + timedelta(minutes=1)).isoformat(),
                    },
                ),
            ],
        ),
        {"out_of_order": 1},
    ),
    "a valid event that was redriven, but not by plan": (
        replace(
            STORES,
            dead_letters=[DEAD_LETTER, replace(REDRIVEN_LETTER, source_message_id="sqs-11")],
        ),
        {"wrongly_quarantined": 1},
    ),
    **{
        f"a dead letter without {name}": (
            with_letter(**{name: ""}),
            {"out_of_order": 1} if name in ("queue_time", "sequence_number") else {"lost": 1},
        )
        for name in DEAD_LETTER.fields
    },
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_each_damage_is_one_defect_of_its_kind(damage: str) -> None:
    stores, expected = DAMAGES[damage]

    assert counted(stores) == expected


def test_the_lake_may_repeat_an_event_only_if_the_caller_allows_it() -> None:
    repeated = replace(STORES, lake=[*LAKE, LAKE[0]])

    assert counted(repeated, lake_may_repeat=True) == {}
    assert counted(repeated, lake_may_repeat=False) == {"duplicated": 1}


def test_messages_left_on_queues_are_defects_only_after_draining() -> None:
    waiting = replace(STORES, left_on_queue=1, left_on_dead_letter_queue=1)

    assert counted(waiting, is_drained=False) == {}
    assert counted(waiting, is_drained=True) == {"stuck": 2}


BY_TIME = replace(
    CURRENT,
    resolution=UNCLASSIFIED,
    ended_at=CLOSING_TIME + timedelta(seconds=1),
    archive=CURRENT.stored,
    stored=[],
    message_count=2,
    is_archived=True,
)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (BY_TIME, {}),
        (replace(BY_TIME, ended_at=CLOSING_TIME - timedelta(microseconds=1)), {"out_of_order": 1}),
        (replace(BY_TIME, closes_at=CLOSING_TIME - timedelta(seconds=1)), {"out_of_order": 1}),
        (replace(BY_TIME, resolution=0), {"misattributed": 1}),
        (CURRENT, {"lost": 1}),
    ],
    ids=["in time", "early", "at the time of another project", "as resolved", "not at all"],
)
def test_a_conversation_that_no_event_closed_closes_at_the_time_of_its_project(
    row: FoundConversation, expected: Counts
) -> None:
    assert counted(with_rows(CLOSED, row), closings={"p": CLOSING_TIME}) == expected


def test_a_message_without_a_time_has_the_time_of_its_sending() -> None:
    effect = Message(message_id="m1", created_at=None, conversation=1)
    sent = events(effect)
    # The times of SQS are in whole milliseconds, and its clocks differ by up to 40 of them.
    began = replace(sent[0], sent_from=NOON + timedelta(microseconds=700))

    def counted_at(created_at: str) -> Counts:
        kept = changed(0, message(1, sent=sent), created_at=created_at)
        stores = Stores(conversations=[replace(CURRENT, stored=[kept])])
        return counted(stores, sent=[began])

    assert counted_at("2026-01-01T12:00:00.000000Z") == {}
    assert counted_at("2026-01-01T12:00:01.000000Z") == {}
    assert counted_at("2026-01-01T11:59:59.960000Z") == {}
    assert counted_at("2026-01-01T11:59:59.959000Z") == {"out_of_order": 1}
    assert counted_at("2026-01-01T12:00:01.000001Z") == {"out_of_order": 1}


def test_a_repeat_may_stand_for_its_message_and_another_correlation_id_is_a_version() -> None:
    sent = events(*(one.event.effect for one in SENT[:1] * 2))
    document = json.loads(sent[0].event.body)
    second = {**document, "correlation_id": "e-2"}
    repeat = replace(sent[1].event, body=sent[0].event.body)

    def counted_as(*sent: SentEvent, sequence_number: int) -> Counts:
        kept = changed(0, FIRST, document=document, sequence_number=sequence_number)
        row = replace(CURRENT, started_at=at(1), stored=[kept])
        return counted(Stores(conversations=[row]), sent=sent)

    repeated = [sent[0], replace(sent[1], event=repeat)]
    assert counted_as(*repeated, sequence_number=1) == {}
    assert counted_as(*repeated, sequence_number=2) == {}
    assert counted_as(*repeated, sequence_number=3) == {"out_of_order": 1}
    edited = [sent[0], replace(sent[1], event=replace(repeat, body=json.dumps(second)))]
    assert counted_as(*edited, sequence_number=1) == {"lost": 1}


def test_an_empty_conversation_of_an_unknown_contact_is_duplicated() -> None:
    row = replace(CURRENT, uuid="third", contact=("p", "c", "nobody"), stored=[])

    assert counted(with_rows(CLOSED, CURRENT, row)) == {"duplicated": 1}


def test_a_takeover_has_its_window_and_the_flag_of_a_chat_room() -> None:
    taken_over = Closing(conversation=1, resolution=4, external_id="w1", contact_name="Ana")
    sent = events(*(one.event.effect for one in SENT[:1]), taken_over)
    row = replace(
        CLOSED,
        resolution=4,
        has_chats_room=True,
        external_id="w1",
        csat=None,
        archive=[message(1, sent=sent)],
        message_count=1,
    )

    assert counted(Stores(conversations=[row]), sent=sent) == {}
    unmarked = replace(row, has_chats_room=False)
    assert counted(Stores(conversations=[unmarked]), sent=sent) == {"misattributed": 1}
    without_window = replace(row, external_id="")
    assert counted(Stores(conversations=[without_window]), sent=sent) == {"lost": 1}


def test_a_conversation_with_nothing_but_a_window_is_matched_by_its_external_id() -> None:
    sent = events(Window(external_id="w1", conversation=1, contact_name="Ana"))
    row = replace(CURRENT, stored=[], external_id="w1", contact_name="Ana")

    assert counted(Stores(conversations=[row]), sent=sent) == {}
    assert counted(Stores(), sent=sent) == {"lost": 1}
    assert row.contact == CONTACT.id
