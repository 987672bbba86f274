"""The producers' sample events take effect once, even if they are delivered again."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine

from apps.conversations.models import Conversation
from apps.messages.archiving import migrate
from tests.support.builders import deliver, run_chain
from tests.support.samples import START, Sample, check_effects, samples
from tests.support.stored import archived, every_item, every_row

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("aws", "outbox_hints"),
]

LATER = START + timedelta(hours=1)


def test_every_sample_ends_as_expected(sqs: Any, lake_directory: Path) -> None:
    delivered = [(sample, deliver(event=sample.event)) for sample in samples()]

    check_effects(delivered, sqs=sqs, lake=lake_directory)


def test_the_samples_leave_exactly_these_conversations() -> None:
    for sample in samples():
        deliver(event=sample.event)

    conversations = {one.contact_urn: one for one in Conversation.objects.order_by("-opened_at")}
    assert (len(conversations), Conversation.objects.count()) == (7, 8)
    assert {urn for urn, one in conversations.items() if one.resolution != 2} == {
        "whatsapp:5584996765969",
        "telegram:1001",
    }
    closed = conversations["whatsapp:5584996765969"]
    assert (closed.csat, closed.nps, closed.message_count) == (3, 0, 6)
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


def test_every_sample_delivered_twice_in_a_row_changes_nothing_the_second_time() -> None:
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
    """A redelivered event is not batched with others."""
    events = [sample.event for sample in _messages()]
    with time_machine.travel(START):
        works = run_chain(events=events)
    rows, items = every_row(), every_item()

    with time_machine.travel(LATER):
        again = [deliver(event=event) for event in events]

    assert again == [work.outcome for work in works]
    assert every_row() == rows
    assert every_item() == items


def test_a_batch_of_samples_has_the_effect_of_single_events(sqs: Any, lake_directory: Path) -> None:
    messages = _messages()

    works = run_chain(events=[sample.event for sample in messages])

    delivered = zip(messages, (work.outcome for work in works), strict=True)
    check_effects(delivered, sqs=sqs, lake=lake_directory)


def _messages() -> list[Sample]:
    """Return the samples that only store a message or are quarantined; they may share a batch."""
    return [one for one in samples() if one.expect.startswith(("stored", "quarantine"))]
