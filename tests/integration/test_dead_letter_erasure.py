"""Erasing a contact deletes only their own dead letters, also those that cannot be read."""

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest

from apps.conversations import erasing
from apps.conversations.erasure_models import Erasure
from apps.messages import contact_letters
from apps.messages.contact_letters import ContactLetters
from apps.messages.dead_letter_format import body_of
from apps.messages.models import DeadLetter
from testbed.sqs.fifo import Fifo
from tests.support.builders import PROJECT, URN, message_body, project
from tests.support.dead_letters import bury, collect, dead_letter_queue_of, kept
from tests.support.erasures import REQUESTED, deliver_history, erase, everything, group_of
from tests.support.service_queue import ServiceQueue

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("outbox_hints")]

OTHER = "telegram:2002"
AT = REQUESTED - timedelta(minutes=1)
LATER = REQUESTED + timedelta(minutes=1)


@pytest.fixture
def letters(queue: ServiceQueue, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fifo]:
    """The dead-letter queue."""
    with dead_letter_queue_of(queue, monkeypatch) as letters:
        yield letters


def of_another_project() -> str:
    """Return an event of a contact with the same URN in another project."""
    document = json.loads(message_body())
    document["data"]["project_uuid"] = "5f0c2f3a-6b1d-4a57-9c39-000000000000"
    return json.dumps(document)


def erased_letters() -> int:
    """Delete the letters of the erased contact as the command does. Return how many there were."""
    groups = erasing.group_hashes_of(project_uuid=PROJECT, urn=URN)
    return contact_letters.delete(
        ContactLetters(project_uuid=PROJECT, urn=URN, group_hashes=groups)
    )


def test_the_erasure_deletes_and_counts_the_letters_that_name_the_contact(letters: Fifo) -> None:
    deliver_history()
    bury(letters, group=group_of(), sent_at=AT)
    bury(letters, group="another", sent_at=AT)
    others = [message_body(urn=OTHER), of_another_project(), "not JSON"]
    for body in others:
        bury(letters, body, group=group_of(urn=OTHER), sent_at=AT)
    bury(letters, group=group_of(), sent_at=LATER)
    assert len(collect()) == 6

    erase()

    assert [body_of(letter) for letter in kept()] == [*others, message_body()]
    assert Erasure.objects.get().removed["dead_letters"] == 2


def test_unreadable_letters_of_the_contact_from_before_the_erasure_are_deleted(
    letters: Fifo,
) -> None:
    deliver_history()
    cut_off = message_body()[:-2]
    bury(letters, "not JSON", group=group_of(), sent_at=AT)
    bury(letters, cut_off, group=group_of(urn=OTHER), sent_at=AT)
    bury(letters, message_body(data={"contact_urn": [URN]}), group="another", sent_at=AT)
    others = ["not JSON", message_body(urn=OTHER), f"{URN}9"]
    for body in others:
        bury(letters, body, group=group_of(urn=OTHER), sent_at=AT)
    bury(letters, cut_off, group="another", sent_at=LATER)
    collect()
    erase()

    assert erased_letters() == 3

    assert [body_of(letter) for letter in kept()] == [*others, cut_off]


def test_the_search_in_postgresql_finds_all_letters_to_which_the_rule_applies(
    letters: Fifo,
) -> None:
    project()
    bodies = [
        message_body(),
        message_body(urn=OTHER),
        of_another_project(),
        message_body(data={"contact_urn": {"urn": URN}}),
        message_body(data={"project_uuid": "", "contact_urn": URN}),
        message_body(data={"project_uuid": [], "contact_urn": None}),
        "not JSON",
        "[]",
        '{"data": null}',
        URN,
    ]
    for body in bodies:
        for group in (group_of(), "another"):
            bury(letters, body, group=group, sent_at=AT)
    collect()
    rule = ContactLetters(project_uuid=PROJECT, urn=URN, group_hashes=())

    theirs = sum(rule.include(letter) for letter in kept())

    assert theirs == 12
    assert contact_letters.count(rule) == theirs


def test_letters_that_are_collected_after_the_erasure_are_dropped(letters: Fifo) -> None:
    """Their events were in flight, or their letters were on the dead-letter queue."""
    deliver_history()
    erase()
    bury(letters, group="another", sent_at=AT)
    bury(letters, "not JSON", group=group_of(), sent_at=AT)
    bury(letters, "not JSON", group=group_of(), sent_at=LATER)
    bury(letters, "not JSON", group=group_of(urn=OTHER), sent_at=AT)

    collect()

    assert [(letter.group_id, letter.queue_time) for letter in kept()] == [
        (group_of(urn=OTHER), AT),
        (group_of(), LATER),
    ]


def test_nothing_about_the_contact_is_left_in_any_table(letters: Fifo) -> None:
    deliver_history()
    bury(letters, group=group_of(), sent_at=AT)
    collect()
    assert URN in str(DeadLetter.objects.values_list())

    erase()

    assert URN not in everything()
