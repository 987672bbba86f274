"""The producers' sample events run through the three steps, once and redelivered."""

from datetime import timedelta

import pytest
import time_machine

from apps.conversations.models import Conversation
from apps.messages.archiving import migrate
from tests.support.builders import deliver, run_chain
from tests.support.samples import START, Sample, check, samples
from tests.support.stored import archived, every_item, every_row

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("aws", "outbox_hints"),
]

LATER = START + timedelta(hours=1)


def test_every_sample_ends_as_expected() -> None:
    for sample in samples():
        check(sample=sample, outcome=deliver(event=sample.event))


def test_the_samples_write_only_what_they_declare() -> None:
    for sample in samples():
        deliver(event=sample.event)

    conversations = {one.contact_urn: one for one in Conversation.objects.all()}
    assert len(conversations) == Conversation.objects.count() == 7
    assert {urn for urn, one in conversations.items() if one.resolution != 2} == {
        "whatsapp:5584996765969",
        "telegram:1001",
    }
    closed = conversations["whatsapp:5584996765969"]
    assert (closed.csat, closed.nps, closed.message_count) == (3, 0, 7)
    assert conversations["telegram:1001"].contact_name == "Bia"


def test_an_edit_is_kept_with_its_message_in_the_transcript() -> None:
    for sample in samples():
        deliver(event=sample.event)
    edited = Conversation.objects.get(contact_urn="telegram:1003")

    migrate(conversation_uuid=edited.uuid, now=LATER)

    (document,) = archived(conversation_uuid=edited.uuid)
    (edit,) = document["edits"]
    assert document["message"]["text"] == "uma resposta"
    assert edit["message"]["text"] == "uma resposta corrigida"


def test_every_sample_delivered_again_in_order_changes_no_row_and_no_item() -> None:
    events = [sample.event for sample in samples()]
    with time_machine.travel(START):
        first = [deliver(event=event) for event in events]
    rows, items = every_row(), every_item()

    with time_machine.travel(LATER):
        again = [deliver(event=event) for event in events]

    assert again == first
    assert every_row() == rows
    assert every_item() == items


def test_every_sample_delivered_again_right_after_itself_changes_no_row_and_no_item() -> None:
    with time_machine.travel(START) as traveller:
        for sample in samples():
            first = deliver(event=sample.event)
            rows, items = every_row(), every_item()
            traveller.shift(timedelta(minutes=1))

            again = deliver(event=sample.event)

            assert again == first, sample.name
            assert every_row() == rows, sample.name
            assert every_item() == items, sample.name


def test_samples_that_ran_in_batches_change_nothing_when_they_are_delivered_again() -> None:
    """Redelivered events go alone."""
    events = [sample.event for sample in _messages()]
    with time_machine.travel(START):
        works = run_chain(events=events)
    rows, items = every_row(), every_item()

    with time_machine.travel(LATER):
        again = [deliver(event=event) for event in events]

    assert again == [work.outcome for work in works]
    assert every_row() == rows
    assert every_item() == items


def test_a_batch_of_samples_has_the_effect_of_single_events() -> None:
    messages = _messages()

    works = run_chain(events=[sample.event for sample in messages])

    for sample, work in zip(messages, works, strict=True):
        check(sample=sample, outcome=work.outcome)


def _messages() -> list[Sample]:
    """Return the samples that may share a batch and declare what they are after it."""
    return [one for one in samples() if one.expect.startswith(("stored", "quarantine"))]
