"""The checker notices damage to events that are hard to attribute, and nothing else.

The events are those of a contact with redriven letters, of one whose conversation was reopened, of
a web chat whose ids begin anew, and of one with a form. Their stores are those of a faultless
service, and then damaged.
"""

import random
from collections.abc import Callable
from dataclasses import replace

import pytest

from testbed.checker.stores import FoundConversation, FoundDeadLetter, FoundMessage, Stores
from testbed.traffic.contacts import ContactHistory
from testbed.traffic.effects import expected_effects
from testbed.traffic.events import (
    IN_PROGRESS,
    RESOLVED,
    Contact,
    PlannedEvent,
    SentEvent,
    Trait,
)
from testbed.traffic.generator import PLAIN_TEXT, Generator, Mix
from testbed.traffic.kinds import EventKind
from tests.unit.testbed.checker.faultless import dead_letter, faultless
from tests.unit.testbed.checker.stores_by_hand import counted
from tests.unit.testbed.sent_events import NOON, as_sent, planned

PROJECT = "7a2b"
REDRIVEN = Contact(project=PROJECT, channel="c", urn="redriven", trait=Trait.REDRIVEN)
WEB = Contact(project=PROJECT, channel="c", urn="web", trait=Trait.WEB)
REOPENED = Contact(project=PROJECT, channel="c", urn="reopened", trait=Trait.REOPENED)
PHONE = Contact(project=PROJECT, channel="c", urn="phone")
PHOTO = {"attachments": ["image/jpeg:https://media.example/1.jpg"]}
# Two sessions with the same ids: a received and a sent message, and an answer.
SESSIONS = (
    *(EventKind.RECEIVED, EventKind.SENT, EventKind.ANSWER, EventKind.CLOSE),
    *(EventKind.RECEIVED, EventKind.SENT, EventKind.ANSWER, EventKind.CLOSE),
)
FORM = (EventKind.RECEIVED, EventKind.ANSWER, EventKind.FORM, EventKind.FORM)


def scripted_events() -> list[PlannedEvent]:
    mix = Mix(kinds={EventKind.RECEIVED: 1}, events_per_invalid=100, text=lambda _rng: PLAIN_TEXT)
    contacts = [REDRIVEN, REOPENED]
    generator = Generator(
        seed=1, start=NOON, rate=1.0, contacts=contacts, zones={PROJECT: "UTC"}, mix=mix
    )
    return [*generator.earlier, *generator.after_reopening]


def of_history(contact: Contact, kinds: tuple[EventKind, ...]) -> list[PlannedEvent]:
    history, rng = ContactHistory(contact), random.Random(1)  # noqa: S311 (repeatable, not secret)
    events = []
    for number, kind in enumerate(kinds, start=100 if contact is WEB else 200):
        draft = history.send(
            kind,
            token=f"e-{number}",
            at=NOON,
            rng=rng,
            text=PLAIN_TEXT,
            detail="weni_csat",
            extra=PHOTO,
        )
        assert isinstance(draft.body, dict)
        events.append(planned(number, draft.effect, contact=contact, body=draft.body))
    return events


def with_archive_of_reopened(stores: Stores) -> Stores:
    """Return stores in which the message before the reopening is in the archive."""
    conversations = [
        replace(one, archive=one.stored[:1], stored=one.stored[1:], message_count=1)
        if one.contact == REOPENED.id
        else one
        for one in stores.conversations
    ]
    return replace(stores, conversations=conversations)


SENT = as_sent([*scripted_events(), *of_history(WEB, SESSIONS), *of_history(PHONE, FORM)])
# The letters of valid events, which were redriven.
LETTERS = [replace(dead_letter(one), is_redriven=True) for one in SENT if one.event.is_redriven]
STORES = with_archive_of_reopened(replace(faultless(expected_effects(SENT)), dead_letters=LETTERS))


def sent_as(name: str) -> SentEvent:
    """Return the only redriven event of a kind."""
    (found,) = [one for one in SENT if one.event.name == f"redriven {name}"]
    return found


def row(contact: Contact, number: int) -> FoundConversation:
    (found,) = [each for each in STORES.conversations if each.uuid == uuid(contact, number)]
    return found


def uuid(contact: Contact, number: int) -> str:
    return f"conversation {number} of {contact.urn}"


def entry(contact: Contact, number: int, message_id: str, event_type: str) -> FoundMessage:
    in_row = row(contact, number)
    (found,) = [
        one for one in (*in_row.archive, *in_row.stored) if one.id == (event_type, message_id)
    ]
    return found


def archived(contact: Contact, number: int, *messages: FoundMessage) -> FoundConversation:
    """Return a closed conversation with another archive."""
    return replace(row(contact, number), archive=list(messages), message_count=len(messages))


def with_rows(*rows: FoundConversation) -> Stores:
    changed = {each.uuid: each for each in rows}
    return replace(
        STORES, conversations=[changed.get(each.uuid, each) for each in STORES.conversations]
    )


def without(messages: list[FoundMessage], gone: FoundMessage) -> list[FoundMessage]:
    return [one for one in messages if one != gone]


def edited() -> FoundMessage:
    """Return the message with three versions: A, B, and A again."""
    (found,) = [one for one in row(REDRIVEN, 1).archive if len(one.versions) == 3]
    return found


def with_versions(*numbers: int) -> Stores:
    message = edited()
    changed = replace(message, versions=[message.versions[number] for number in numbers])
    archive = [changed if one == message else one for one in row(REDRIVEN, 1).archive]
    return with_rows(archived(REDRIVEN, 1, *archive))


def late_edit() -> FoundMessage:
    (name,) = [one for one in row(REDRIVEN, 2).stored if one.id == edited().id]
    return name


def late_edit_in_the_closed_conversation() -> Stores:
    message = edited()
    merged = replace(message, versions=[*message.versions, *late_edit().versions])
    archive = [merged if one == message else one for one in row(REDRIVEN, 1).archive]
    return with_rows(
        archived(REDRIVEN, 1, *archive),
        replace(row(REDRIVEN, 2), stored=without(row(REDRIVEN, 2).stored, late_edit())),
    )


def without_late_edit() -> Stores:
    return with_rows(
        replace(row(REDRIVEN, 2), stored=without(row(REDRIVEN, 2).stored, late_edit()))
    )


def second_session_in_the_first_conversation() -> Stores:
    """Return stores in which an id names one message of the contact."""
    first, second = (entry(WEB, number, "1", "message.received") for number in (1, 2))
    merged = replace(first, versions=[*first.versions, *second.versions])
    return with_rows(
        archived(WEB, 1, merged, entry(WEB, 1, "1", "message.sent")),
        archived(WEB, 2, entry(WEB, 2, "1", "message.sent")),
    )


def sent_as_a_version_of_received() -> Stores:
    received, sent = (entry(WEB, 1, "1", f"message.{one}") for one in ("received", "sent"))
    merged = replace(received, versions=[*received.versions, *sent.versions])
    return with_rows(archived(WEB, 1, merged))


def without_attachment() -> Stores:
    received, sent = (entry(WEB, 1, "1", f"message.{one}") for one in ("received", "sent"))
    document = sent.versions[0].document
    data = document["data"]
    bare = {name: one for name, one in data["message"].items() if name != "attachments"}
    changed = {**document, "data": {**data, "message": bare}}
    version = replace(sent.versions[0], document=changed)
    return with_rows(archived(WEB, 1, received, replace(sent, versions=[version])))


def reopened_in_vain() -> Stores:
    """Return stores in which the message after the reopening has opened a conversation."""
    first = replace(row(REOPENED, 1), resolution=RESOLVED, is_archived=True)
    second = replace(first, uuid="second", resolution=IN_PROGRESS, archive=[], message_count=0)
    stores = with_rows(replace(first, stored=[]))
    return replace(stores, conversations=[*stores.conversations, second])


def with_letters(*letters: FoundDeadLetter) -> Stores:
    return replace(STORES, dead_letters=list(letters))


def redriven_again_and_again() -> Stores:
    twice = replace(LETTERS[0], source_message_id="sqs-redrive")
    return with_letters(*LETTERS, twice)


def with_answer(contact: Contact, *, index: int) -> Stores:
    """Return stores with only one of the answers of a contact, in PostgreSQL and in the lake."""
    of_contact = [one for one in STORES.answers if one.contact == contact.id]
    kept = of_contact[index]
    gone = {one.number: one.event_id for one in of_contact if one != kept}
    return replace(
        STORES,
        answers=[one for one in STORES.answers if one.number not in gone],
        lake=[one for one in STORES.lake if one.event_id not in gone.values()],
    )


def redriven_answer_on_the_next_conversation() -> Stores:
    home = uuid(REDRIVEN, 2)
    answers = [
        replace(one, conversation_uuid=home) if one.contact == REDRIVEN.id else one
        for one in STORES.answers
    ]
    return replace(STORES, answers=answers)


DAMAGES: dict[str, tuple[Callable[[], Stores], dict[str, int]]] = {
    "an edit back to the first text that was taken for a repeat": (
        lambda: with_versions(0, 1),
        {"lost": 1},
    ),
    "a redriven version behind the version that came after it": (
        lambda: with_versions(1, 0, 2),
        {"out_of_order": 1},
    ),
    "a late edit that was lost": (without_late_edit, {"lost": 1}),
    "a late edit in the conversation that was closed before": (
        late_edit_in_the_closed_conversation,
        {"misattributed": 1},
    ),
    "a message of the second session in the first conversation": (
        second_session_in_the_first_conversation,
        {"misattributed": 1},
    ),
    "a sent message as a version of the received one with its id": (
        sent_as_a_version_of_received,
        {"lost": 1, "duplicated": 1},
    ),
    "a message without its attachment": (without_attachment, {"lost": 1, "duplicated": 1}),
    "the answer of the second session as a repeat of the first": (
        lambda: with_answer(WEB, index=0),
        {"lost": 1},
    ),
    "the answer of the second session in place of the first": (
        lambda: with_answer(WEB, index=1),
        {"lost": 1},
    ),
    "a form of which one answer was recorded": (
        lambda: with_answer(PHONE, index=0),
        {"lost": 2},
    ),
    "a redriven answer on the next conversation": (
        redriven_answer_on_the_next_conversation,
        {"misattributed": 1},
    ),
    "a reopening that did nothing": (reopened_in_vain, {"misattributed": 2}),
    "an archive that a reopening has emptied": (
        lambda: with_rows(archived(REOPENED, 1)),
        {"lost": 1},
    ),
    "a valid event that became a dead letter again": (
        redriven_again_and_again,
        {"wrongly_quarantined": 1},
    ),
}


def test_faultless_stores_have_no_defect() -> None:
    assert counted(STORES, sent=SENT) == {}


@pytest.mark.parametrize("damage", DAMAGES)
def test_each_damage_is_noticed(damage: str) -> None:
    stores, expected = DAMAGES[damage]

    assert counted(stores(), sent=SENT) == expected


def test_a_letter_that_nobody_redrives_is_stuck_and_its_event_is_not_expected() -> None:
    late = sent_as("late edit")
    letters = [
        replace(one, is_redriven=one.source_message_id != late.message_id) for one in LETTERS
    ]
    stores = replace(without_late_edit(), dead_letters=letters)

    assert counted(stores, sent=SENT) == {"stuck": 1}


def test_a_redriven_answer_may_be_recorded_after_later_ones() -> None:
    last = len(STORES.answers)
    answers = [
        replace(one, number=last) if one.contact == REDRIVEN.id else one for one in STORES.answers
    ]

    assert counted(replace(STORES, answers=answers), sent=SENT) == {}
