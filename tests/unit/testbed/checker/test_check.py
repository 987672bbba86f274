"""The checker counts exactly the defects that are in the stores, and no others.

The stores are made by hand as the service should leave them, and then damaged.
"""

import ast
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from testbed.checker.stores import FoundConversation, FoundMessage, Stores
from testbed.traffic.events import IN_PROGRESS, RESOLVED, Closing, SentEvent, Window
from tests.unit.testbed.checker.stores_by_hand import (
    ANSWERS,
    CLOSED,
    CLOSING_TIME,
    CURRENT,
    DEAD_LETTER,
    LAKE,
    SPLIT,
    STORES,
    TIMED,
    at,
    chat,
    counted,
    events,
    message,
    with_rows,
)
from tests.unit.testbed.sent_events import NOON

TESTBED = Path(__file__).resolve().parents[4] / "testbed"
NOBODY_SENT = replace(message(5), message_id="m6")
# All events are sent at noon.
BEFORE_ALL = NOON - timedelta(minutes=1)


def test_correct_stores_have_no_defect() -> None:
    assert counted(STORES) == {}


def test_a_repetition_in_the_lake_with_the_same_id_is_not_a_defect() -> None:
    assert counted(replace(STORES, lake=[*LAKE, LAKE[0]])) == {}


DAMAGES: dict[str, tuple[Stores, dict[str, int]]] = {
    "a message that is in no store": (
        with_rows(CLOSED, replace(CURRENT, stored=[message(4)])),
        {"lost": 1},
    ),
    "an edit that is in no store": (
        with_rows(replace(CLOSED, archive=[message(1), message(2, versions=1)]), CURRENT),
        {"lost": 1},
    ),
    "a whole conversation that is gone": (
        with_rows(CLOSED),
        {"lost": 2},
    ),
    "a close that did nothing": (
        with_rows(replace(CLOSED, resolution=IN_PROGRESS), replace(CURRENT)),
        {"lost": 1, "duplicated": 1},
    ),
    "a window that did nothing": (
        with_rows(replace(CLOSED, external_id=""), CURRENT),
        {"lost": 1},
    ),
    "an answer without a row": (
        replace(
            STORES,
            conversations=[replace(CLOSED, csat=5), CURRENT],
            answers=ANSWERS[1:],
        ),
        {"lost": 1},
    ),
    "an answer that was not sent to the lake": (replace(STORES, lake=LAKE[1:]), {"lost": 1}),
    "an invalid event that is not a dead letter": (replace(STORES, dead_letters=[]), {"lost": 1}),
    "a healthy event that was given up": (
        replace(
            with_rows(CLOSED, replace(CURRENT, stored=[message(4)])),
            dead_letters=[DEAD_LETTER, replace(DEAD_LETTER, source_message_id="sqs-11")],
        ),
        {"wrongly_quarantined": 1},
    ),
    "a transcript that counts fewer messages than it has": (
        with_rows(replace(CLOSED, message_count=1), CURRENT),
        {"lost": 1},
    ),
    "a message twice in a transcript": (
        with_rows(replace(CLOSED, archive=[message(1), *CLOSED.archive], message_count=3), CURRENT),
        {"duplicated": 1},
    ),
    "a message in two conversations": (
        with_rows(CLOSED, replace(CURRENT, stored=[message(2, versions=1), *CURRENT.stored])),
        {"duplicated": 1},
    ),
    "a message that nobody sent": (
        with_rows(CLOSED, replace(CURRENT, stored=[*CURRENT.stored, NOBODY_SENT])),
        {"duplicated": 1},
    ),
    "an empty conversation too many": (
        with_rows(
            CLOSED,
            CURRENT,
            replace(CLOSED, uuid="empty", archive=[], message_count=0, external_id=""),
        ),
        {"duplicated": 1},
    ),
    "an answer in two rows": (
        replace(STORES, answers=[*ANSWERS, replace(ANSWERS[1], number=3)]),
        {"duplicated": 1},
    ),
    "an answer that the lake has under two ids": (
        replace(STORES, lake=[*LAKE, replace(LAKE[0], event_id="other")]),
        {"duplicated": 1},
    ),
    "two dead letters of one event": (
        replace(STORES, dead_letters=[DEAD_LETTER, DEAD_LETTER]),
        {"duplicated": 1},
    ),
    "a transcript in another order": (
        with_rows(replace(CLOSED, archive=CLOSED.archive[::-1]), CURRENT),
        {"out_of_order": 1},
    ),
    "a conversation that its second message opened": (
        with_rows(CLOSED, replace(CURRENT, started_at=at(5))),
        {"out_of_order": 1},
    ),
    "an earlier window after a later one": (
        with_rows(replace(CLOSED, external_id="w1"), CURRENT),
        {"out_of_order": 1},
    ),
    "answers recorded in another order": (
        replace(
            STORES,
            answers=[replace(ANSWERS[0], number=2), replace(ANSWERS[1], number=1)],
        ),
        {"out_of_order": 1},
    ),
    "the score of an earlier answer": (
        with_rows(replace(CLOSED, csat=2), CURRENT),
        {"out_of_order": 1},
    ),
    "a message in the conversation before": (
        with_rows(
            replace(CLOSED, archive=[*CLOSED.archive, message(5)], message_count=3),
            replace(CURRENT, stored=[message(4)]),
        ),
        {"misattributed": 1},
    ),
    "a conversation that nobody closed": (
        with_rows(
            CLOSED,
            replace(
                CURRENT,
                resolution=RESOLVED,
                archive=CURRENT.stored,
                stored=[],
                message_count=2,
                is_archived=True,
            ),
        ),
        {"misattributed": 1},
    ),
    "a conversation closed by another event": (
        with_rows(replace(CLOSED, resolution=3), CURRENT),
        {"misattributed": 1},
    ),
    "an answer to the next conversation": (
        replace(STORES, answers=[replace(ANSWERS[0], conversation_uuid="second"), ANSWERS[1]]),
        {"misattributed": 1},
    ),
    "a message left in DynamoDB": (
        with_rows(replace(CLOSED, stored=[message(1)]), CURRENT),
        {"stuck": 1},
    ),
    "a conversation that was not archived": (
        with_rows(replace(CLOSED, is_archived=False), CURRENT),
        {"stuck": 1},
    ),
    "a conversation open past its closing time": (
        with_rows(CLOSED, replace(CURRENT, is_past_closing=True)),
        {"stuck": 1},
    ),
    "an item of no conversation": (replace(STORES, strays=["m9"]), {"stuck": 1}),
    "what is left on the queue": (replace(STORES, left_on_queue=2), {"stuck": 2}),
    "what is left in the outbox": (replace(STORES, left_in_outbox=3), {"stuck": 3}),
    "what is left on the dead-letter queue": (
        replace(STORES, left_on_dead_letter_queue=1),
        {"stuck": 1},
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_each_damage_is_one_defect_of_its_kind(damage: str) -> None:
    stores, expected = DAMAGES[damage]

    assert counted(stores) == expected


TIMED_SENT = events(*(chat(number, None) for number in range(1, 6)), contact=TIMED)


def timed_stores(*runs: list[int]) -> Stores:
    """Return conversations of the contact whose closing time only the service knows."""
    return Stores(
        conversations=[
            FoundConversation(
                uuid=f"run {number}",
                contact=TIMED.id,
                started_at=at(run[0]),
                closes_at=CLOSING_TIME,
                ended_at=CLOSING_TIME,
                resolution=3,
                is_archived=True,
                message_count=len(run),
                archive=[message(one, sent=TIMED_SENT) for one in run],
            )
            for number, run in enumerate(runs)
        ]
    )


@pytest.mark.parametrize("cut", range(1, 5))
def test_a_closing_by_time_may_cut_anywhere(cut: int) -> None:
    stores = timed_stores(list(range(1, cut + 1)), list(range(cut + 1, 6)))

    assert counted(stores, sent=TIMED_SENT) == {}


def test_a_closing_by_time_cuts_once() -> None:
    stores = timed_stores([1, 2, 4], [3, 5])

    assert counted(stores, sent=TIMED_SENT) == {"misattributed": 2}


SPLIT_SENT = events(chat(1, None), chat(2, None), chat(3, None), contact=SPLIT)


def of_split(number: int) -> FoundMessage:
    return message(number, sent=SPLIT_SENT)


def test_only_losses_and_duplicates_are_defects_for_a_contact_with_two_producers() -> None:
    rows = [
        replace(CURRENT, uuid="x", contact=SPLIT.id, stored=[of_split(1), of_split(3)]),
        replace(CLOSED, uuid="y", contact=SPLIT.id, archive=[of_split(2)], message_count=1),
    ]

    def counted_of(*rows: FoundConversation) -> dict[str, int]:
        return counted(Stores(conversations=list(rows)), sent=SPLIT_SENT)

    assert counted_of(*rows) == {}
    assert counted_of(rows[0]) == {"lost": 1}
    doubled = replace(rows[1], archive=[of_split(2), of_split(3)], message_count=2)
    assert counted_of(rows[0], doubled) == {"duplicated": 1}


def test_the_last_window_of_a_contact_with_two_producers_may_be_a_takeover() -> None:
    taken_over = Closing(conversation=None, resolution=4, external_id="w2")
    window = Window(external_id="w1", conversation=None, contact_name="Ana")
    sent = events(chat(1, None), window, taken_over, contact=SPLIT)
    row = replace(
        CLOSED,
        contact=SPLIT.id,
        archive=[message(1, sent=sent)],
        message_count=1,
        external_id="w2",
        has_chats_room=True,
    )

    assert counted(Stores(conversations=[row]), sent=sent) == {}
    assert counted(Stores(conversations=[row]), sent=sent[:2]) == {"lost": 1}
    forgotten = replace(row, external_id="w1")
    assert counted(Stores(conversations=[forgotten]), sent=sent) == {"lost": 1}


def test_a_message_of_the_second_producer_may_open_a_conversation_before_an_older_window() -> None:
    window = Window(external_id="w1", conversation=None, contact_name="Ana")
    sent = events(chat(1, None), window, chat(3, None), contact=SPLIT)
    by_the_second: list[SentEvent] = [
        *sent[:2],
        replace(sent[2], event=replace(sent[2].event, group_id="second")),
    ]
    opened = replace(
        CURRENT, uuid="x", contact=SPLIT.id, stored=[message(3, sent=sent)], started_at=at(3)
    )
    closed = replace(
        CLOSED,
        contact=SPLIT.id,
        external_id="",
        archive=[message(1, sent=sent)],
        message_count=1,
        ended_at=BEFORE_ALL,
    )
    stores = Stores(conversations=[closed, opened])

    assert counted(stores, sent=by_the_second) == {}
    assert counted(stores, sent=sent) == {"lost": 1}
    not_overtaken = replace(opened, started_at=at(1))
    assert counted(Stores(conversations=[closed, not_overtaken]), sent=by_the_second) == {"lost": 1}


def test_a_message_of_the_second_producer_may_move_the_end_of_a_conversation_past_a_window() -> (
    None
):
    window = Window(external_id="w1", conversation=None, contact_name="Ana")
    sent = events(chat(1, None), window, chat(3, None), contact=SPLIT)
    sent[2] = replace(sent[2], event=replace(sent[2].event, group_id="second"))
    closed = replace(
        CLOSED,
        contact=SPLIT.id,
        external_id="",
        archive=[message(1, sent=sent), message(3, sent=sent)],
        message_count=2,
        ended_at=sent[2].sent_from,
    )

    assert counted(Stores(conversations=[closed]), sent=sent) == {}
    early = replace(closed, ended_at=BEFORE_ALL)
    assert counted(Stores(conversations=[early]), sent=sent) == {"lost": 1}


def test_damages_of_several_kinds_are_counted_side_by_side() -> None:
    closed = replace(CLOSED, archive=CLOSED.archive[::-1], stored=[message(1)])
    stores = replace(
        with_rows(closed, replace(CURRENT, stored=[message(4)])),
        answers=[*ANSWERS, replace(ANSWERS[0], number=9)],
    )

    assert counted(stores) == {
        "lost": 1,
        "duplicated": 1,
        "out_of_order": 1,
        "stuck": 1,
    }


def imported_modules(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=str(module)):
                yield module


def test_the_checker_imports_nothing_from_the_service() -> None:
    files = [*(TESTBED / "checker").glob("*.py"), *(TESTBED / "traffic").glob("*.py")]
    modules = {module for path in files for module in imported_modules(path)}
    own = {module for module in modules if module.startswith("testbed.")}

    assert len(files) > 20
    assert {module.rpartition(".")[0] for module in own} <= {
        "testbed",
        "testbed.checker",
        "testbed.traffic",
    }
    assert {module.partition(".")[0] for module in modules - own} <= {
        *sys.stdlib_module_names,
        *("boto3", "botocore", "mypy_boto3_dynamodb", "mypy_boto3_sqs", "psycopg2"),
        # It makes SIGTERM end a program in order.
        "embedded",
    }
