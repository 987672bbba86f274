"""The drill finds every event that is neither in PostgreSQL nor in a listed kind of losses."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from testbed.checker.stores import FoundAnswer, FoundDeadLetter, Stores
from testbed.traffic.events import (
    Answer,
    Closing,
    Contact,
    Effect,
    Invalid,
    Message,
    PlannedEvent,
    SentEvent,
    Window,
)
from tests.restore.accounting import LISTED_BY, Fate, account_for
from tests.restore.answers import ANSWER_WITH_TEXT
from tests.restore.run import Observed, Restore
from tests.support.builders import NOON

MINUTE = timedelta(minutes=1)
CONTACT = Contact(project="p", channel="c", urn="telegram:1")
MESSAGE = Message(message_id="m-1", created_at=None, conversation=1, opens=True)
ANSWER = Answer(message_id="a-1", key="weni_csat", value="5", score=5, conversation=1)
INVALID = Invalid(reason="not_json")
WINDOW = Window(conversation=1, external_id="w-1", contact_name="Ana")
CLOSE = Closing(conversation=1, resolution=0)


def sent(effect: Effect, *, minutes: float = 0.5) -> SentEvent:
    """Return an event, sent some minutes after the time to which PostgreSQL was restored."""
    at = NOON + minutes * MINUTE
    event = PlannedEvent(
        number=1,
        at=0.0,
        contact=CONTACT,
        group_id="g",
        deduplication_id="1",
        body="{}",
        effect=effect,
    )
    return SentEvent(
        event=event, message_id="source-1", sequence_number=17, sent_from=at, sent_until=at
    )


def observed(event: SentEvent) -> Observed:
    """Return a drill with one event, which is nowhere, and with all kinds of losses listed."""
    listed = {check: [{"check": check, "status": "warning"}] for check in LISTED_BY.values()}
    return Observed(
        sent=[event],
        restore=Restore(
            restored_to=NOON,
            stopped_at=NOON + MINUTE,
            before=set(),
            restored=set(),
            found=listed,
            seconds=1.0,
        ),
        conversations=set(),
        archived=Counter(),
        stores=Stores(),
        found=listed,
    )


def recorded() -> FoundAnswer:
    return FoundAnswer(
        number=1,
        contact=CONTACT.id,
        message_id="a-1",
        sequence_number=17,
        key="weni_csat",
        value="5",
        score=5,
        conversation_uuid=None,
        event_id=None,
        is_delivered=True,
    )


def fate_in(drill: Observed) -> tuple[Fate, bool]:
    """Return what became of the event, and whether the drill has a defect."""
    account = account_for(drill)
    (fate,) = account.fates
    return fate, bool(account.defects)


def test_a_message_must_be_in_one_archive() -> None:
    drill = observed(sent(MESSAGE))

    assert fate_in(drill) == (Fate.MISSING, True)
    assert fate_in(replace(drill, archived={17: 1})) == (Fate.ARCHIVED, False)
    assert fate_in(replace(drill, archived={17: 2})) == (Fate.TWICE, True)


@pytest.mark.parametrize(
    ("effect", "lost", "otherwise"),
    [
        (ANSWER, Fate.LOST_ANSWER, (Fate.MISSING, True)),
        (INVALID, Fate.LOST_LETTER, (Fate.MISSING, True)),
        (WINDOW, Fate.LOST_WINDOW, (Fate.EFFECTIVE, False)),
        (CLOSE, Fate.LOST_CLOSING, (Fate.EFFECTIVE, False)),
    ],
    ids=["answer", "letter", "window", "close"],
)
def test_only_what_took_effect_after_the_restored_time_may_be_lost(
    effect: Effect, lost: Fate, otherwise: tuple[Fate, bool]
) -> None:
    assert fate_in(observed(sent(effect))) == (lost, False)
    assert fate_in(observed(sent(effect, minutes=-1))) == otherwise
    assert fate_in(observed(sent(effect, minutes=2))) == otherwise


def test_a_loss_that_the_doctor_does_not_list_is_a_defect() -> None:
    drill = observed(sent(ANSWER))
    silent = replace(drill, restore=replace(drill.restore, found={}))

    assert fate_in(silent) == (Fate.LOST_ANSWER, True)


def test_an_answer_or_a_letter_that_is_there_is_not_lost() -> None:
    letter = FoundDeadLetter(body="", source_message_id="source-1", fields={})
    with_answer = replace(observed(sent(ANSWER)), stores=Stores(answers=[recorded()]))
    with_letter = replace(observed(sent(INVALID)), stores=Stores(dead_letters=[letter]))

    assert fate_in(with_answer) == (Fate.RECORDED, False)
    assert fate_in(with_letter) == (Fate.LETTER, False)


def test_an_answer_with_a_text_must_be_recorded_and_archived() -> None:
    event = sent(ANSWER)
    drill = observed(replace(event, event=replace(event.event, kind=ANSWER_WITH_TEXT)))
    archived = replace(drill, archived={17: 1})
    stores = Stores(answers=[recorded()])

    assert fate_in(drill) == (Fate.MISSING, True)
    assert fate_in(archived) == (Fate.MISSING, True)
    assert fate_in(replace(drill, stores=stores)) == (Fate.MISSING, True)
    assert fate_in(replace(archived, stores=stores)) == (Fate.RECORDED_WITH_TEXT, False)


@pytest.mark.parametrize(
    "stores", [Stores(left_on_queue=1), Stores(left_in_outbox=1), Stores(strays=["m-1"])]
)
def test_what_is_left_is_a_defect(stores: Stores) -> None:
    drill = replace(observed(sent(MESSAGE)), archived={17: 1}, stores=stores)

    assert fate_in(drill) == (Fate.ARCHIVED, True)


def test_what_the_doctor_still_finds_at_the_end_is_a_defect() -> None:
    finding = {"check": "restore.events", "status": "error", "found": "one"}
    drill = replace(observed(sent(MESSAGE)), archived={17: 1}, found={"restore.events": [finding]})

    assert fate_in(drill) == (Fate.ARCHIVED, True)
