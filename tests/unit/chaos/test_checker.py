"""The checker of chaos runs counts exactly the defects that are in the stores, and no others.

The stores are made by hand as the service should leave them, and then damaged.
"""

import ast
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.chaos.checker import check
from tests.chaos.found import (
    FoundAnswer,
    FoundConversation,
    FoundDeadLetter,
    FoundMessage,
    LakeEvent,
    Stores,
    Version,
)
from tests.chaos.plan import (
    IN_PROGRESS,
    RESOLVED,
    Answer,
    Closing,
    Contact,
    Effect,
    Message,
    PlannedEvent,
    Poison,
    Trait,
    Window,
)

CONTACT = Contact(project="p", channel="c", urn="u")
TIMED = Contact(project="t", channel="c", urn="timed", trait=Trait.TIMED)
SPLIT = Contact(project="p", channel="c", urn="split", trait=Trait.SPLIT)
CHAOS = Path(__file__).resolve().parents[2] / "chaos"
CHECKER = ("checker", "check_*", "stores", "items", "found", "defects", "plan")


def at(number: int) -> str:
    return f"2026-01-01T00:00:{number:02d}.000000Z"


def told(number: int, conversation: int | None, *, version: int = 1, opens: bool = False) -> Effect:
    return Message(
        message_id=f"m{number}",
        version=version,
        created_at=at(number),
        conversation=conversation,
        opens=opens,
    )


def events(*effects: Effect, contact: Contact = CONTACT) -> list[PlannedEvent]:
    return [
        PlannedEvent(
            number=number,
            at=float(number),
            contact=contact,
            group_id=f"{contact.urn}-group",
            body=f"body of {contact.urn} {number}",
            effect=effect,
        )
        for number, effect in enumerate(effects, 1)
    ]


def message(number: int, *, versions: int = 1) -> FoundMessage:
    return FoundMessage(
        message_id=f"m{number}",
        versions=[
            Version(text=f"m{number} v{one} hello", created_at=at(number), sequence=number + one)
            for one in range(1, versions + 1)
        ],
    )


# Two conversations, m1 m2 and m4 m5, the first of which was edited, answered and closed.
SENT = events(
    told(1, 1, opens=True),
    told(2, 1),
    told(2, 1, version=2),
    Window(external_id="w1", conversation=1),
    Window(external_id="w2", conversation=1),
    Answer(message_id="a1", key="weni_csat", value="2", score=2, conversation=1),
    Answer(message_id="a2", key="weni_csat", value="5", score=5, conversation=1),
    Closing(conversation=1, resolution=RESOLVED),
    told(4, 2, opens=True),
    Poison(token="e-10", reason="not_json"),
    told(5, 2),
)
CLOSED = FoundConversation(
    uuid="first",
    contact=CONTACT.name,
    opened_at=1.0,
    started_at=at(1),
    resolution=RESOLVED,
    external_id="w2",
    csat=5,
    message_count=2,
    is_archived=True,
    archive=[message(1), message(2, versions=2)],
)
CURRENT = FoundConversation(
    uuid="second",
    contact=CONTACT.name,
    opened_at=9.0,
    started_at=at(4),
    resolution=IN_PROGRESS,
    stored=[message(4), message(5)],
)
ANSWERS = [
    FoundAnswer(
        number=number,
        contact=CONTACT.name,
        message_id=f"a{number}",
        sequence=number,
        key="weni_csat",
        value=value,
        score=int(value),
        conversation_uuid="first",
    )
    for number, value in ((1, "2"), (2, "5"))
]
LAKE = [
    LakeEvent(event_id=f"l{value}", contact_urn="u", key="weni_csat", value=value)
    for value in ("2", "5")
]
POISONED = FoundDeadLetter(body="body of u 10", reason="not_json")
STORES = Stores(
    conversations=[CLOSED, CURRENT], answers=ANSWERS, dead_letters=[POISONED], lake=LAKE
)


def counted(stores: Stores, *, sent: list[PlannedEvent] = SENT) -> dict[str, int]:
    """The kinds of which there are any."""
    return {kind: n for kind, n in check(sent=sent, stores=stores).counts().items() if n}


def with_rows(*rows: FoundConversation) -> Stores:
    return replace(STORES, conversations=list(rows))


def test_stores_as_they_should_be_have_no_defect() -> None:
    assert counted(STORES) == {}


def test_repeats_that_the_lake_knows_by_their_id_are_no_defect() -> None:
    assert counted(replace(STORES, lake=[*LAKE, LAKE[0]])) == {}


DAMAGES: dict[str, tuple[Stores, dict[str, int]]] = {
    "a message that is in no store": (
        with_rows(CLOSED, replace(CURRENT, stored=[message(4)])),
        {"lost": 1},
    ),
    "an edit that is in no store": (
        with_rows(replace(CLOSED, archive=[message(1), message(2)]), CURRENT),
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
    "an answer of which the lake was not told": (replace(STORES, lake=LAKE[1:]), {"lost": 1}),
    "poison that is no dead letter": (replace(STORES, dead_letters=[]), {"lost": 1}),
    "a healthy event that was given up": (
        replace(
            with_rows(CLOSED, replace(CURRENT, stored=[message(4)])),
            dead_letters=[POISONED, FoundDeadLetter(body="body of u 11", reason="bug")],
        ),
        {"lost": 1},
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
        with_rows(CLOSED, replace(CURRENT, stored=[message(2), *CURRENT.stored])),
        {"duplicated": 1},
    ),
    "a message that nobody sent": (
        with_rows(CLOSED, replace(CURRENT, stored=[*CURRENT.stored, message(6)])),
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
        replace(STORES, dead_letters=[POISONED, POISONED]),
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
def test_each_damage_is_counted_and_nothing_else(damage: str) -> None:
    stores, expected = DAMAGES[damage]

    assert counted(stores) == expected


def timed_stores(*runs: list[int]) -> Stores:
    """Conversations of the contact whose closing time nobody but the service knows."""
    return Stores(
        conversations=[
            FoundConversation(
                uuid=f"run {number}",
                contact=TIMED.name,
                opened_at=float(number),
                started_at=at(run[0]),
                resolution=3,
                is_archived=True,
                message_count=len(run),
                archive=[message(one) for one in run],
            )
            for number, run in enumerate(runs)
        ]
    )


TIMED_SENT = events(*(told(number, None) for number in range(1, 6)), contact=TIMED)


@pytest.mark.parametrize("cut", range(1, 5))
def test_a_closing_by_time_may_cut_anywhere(cut: int) -> None:
    stores = timed_stores(list(range(1, cut + 1)), list(range(cut + 1, 6)))

    assert counted(stores, sent=TIMED_SENT) == {}


def test_a_closing_by_time_cuts_once() -> None:
    stores = timed_stores([1, 2, 4], [3, 5])

    assert counted(stores, sent=TIMED_SENT) == {"misattributed": 2}


def test_where_two_producers_write_only_loss_and_doubles_are_defects() -> None:
    sent = events(told(1, None), told(2, None), told(3, None), contact=SPLIT)
    rows = [
        replace(CURRENT, uuid="x", contact=SPLIT.name, stored=[message(1), message(3)]),
        replace(CLOSED, uuid="y", contact=SPLIT.name, archive=[message(2)], message_count=1),
    ]

    assert counted(Stores(conversations=rows), sent=sent) == {}
    assert counted(Stores(conversations=rows[:1]), sent=sent) == {"lost": 1}
    doubled = [rows[0], replace(rows[1], archive=[message(2), message(3)], message_count=2)]
    assert counted(Stores(conversations=doubled), sent=sent) == {"duplicated": 1}


def test_of_two_producers_windows_a_takeover_may_replace_the_last() -> None:
    taken_over = Closing(conversation=None, resolution=4, external_id="w2")
    sent = events(
        told(1, None), Window(external_id="w1", conversation=None), taken_over, contact=SPLIT
    )
    rows = [
        replace(
            CLOSED,
            contact=SPLIT.name,
            external_id="w2",
            archive=[message(1)],
            message_count=1,
            has_chats_room=True,
        )
    ]

    assert counted(Stores(conversations=rows), sent=sent) == {}
    assert counted(Stores(conversations=rows), sent=sent[:2]) == {"lost": 1}


def test_of_two_producers_the_second_may_open_what_the_window_is_too_old_for() -> None:
    window = Window(external_id="w1", conversation=None)
    sent = events(told(1, None), window, told(3, None), contact=SPLIT)
    by_the_second = [*sent[:2], replace(sent[2], group_id="second")]
    opened = replace(CURRENT, uuid="x", contact=SPLIT.name, stored=[message(3)], started_at=at(3))
    closed = replace(
        CLOSED, contact=SPLIT.name, external_id="", archive=[message(1)], message_count=1
    )
    stores = Stores(conversations=[closed, opened])

    assert counted(stores, sent=by_the_second) == {}
    assert counted(stores, sent=sent) == {"lost": 1}
    not_overtaken = replace(opened, started_at=at(1))
    assert counted(Stores(conversations=[closed, not_overtaken]), sent=by_the_second) == {"lost": 1}


def test_damages_of_several_kinds_are_counted_side_by_side() -> None:
    closed = replace(CLOSED, archive=CLOSED.archive[::-1], stored=[message(1)])
    stores = replace(
        with_rows(closed, replace(CURRENT, stored=[message(4)])),
        answers=[*ANSWERS, replace(ANSWERS[0], number=9)],
    )

    assert counted(stores) == {
        "lost": 1,
        # Its second row also came after that of the later answer.
        "duplicated": 1,
        "out_of_order": 2,
        "stuck": 1,
    }


def imported_modules(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=str(module)):
                yield module


def is_allowed(module: str, names: set[str]) -> bool:
    if module.startswith("tests."):
        return module.removeprefix("tests.chaos.") in names
    return module.partition(".")[0] not in ("apps", "tasks", "config", "django", "celery", "demo")


def test_the_checker_imports_nothing_of_the_service() -> None:
    files = [path for pattern in CHECKER for path in CHAOS.glob(f"{pattern}.py")]
    names = {path.stem for path in files}
    modules = {module for path in files for module in imported_modules(path)}

    assert len(files) > 10
    assert [module for module in modules if not is_allowed(module, names)] == []
