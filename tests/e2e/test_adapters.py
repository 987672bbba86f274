"""A real worker reads events in the forms of other producers, in the order of their group."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import count

import pytest

from apps.conversations.models import Conversation, Resolution
from apps.messages.models import DeadLetter
from tasks.deadletters.collect import collect_dead_letters
from tests.e2e.conftest import any_batch_size
from tests.support.builders import ABSENT, NOON, message_body
from tests.support.dead_letters import redrive_all
from tests.support.dialects import in_envelope, ticket_body
from tests.support.running_service import Service
from tests.support.stored import archived_ids, stored_ids

CONTACT = "telegram:1001"
GROUPS = 4


def message(number: int, *, contact: str = CONTACT, typed: bool = True) -> str:
    """Return a message, `number` minutes after noon."""
    at = NOON + timedelta(minutes=number)
    return message_body(
        urn=contact,
        message={"id": f"m-{number}", "created_at": at.isoformat()},
        event={} if typed else {"event_type": ABSENT},
    )


@pytest.fixture
def adapted(service: Service) -> Iterator[Service]:
    """The service with all adapters. Its logs are checked for what is inside envelopes, too."""
    service.environment["EVENT_ADAPTERS"] = "flow_ticket,sns"
    yield service
    service.sent.append((CONTACT, message(0)))


def conversations(contact: str) -> list[Conversation]:
    """Return the conversations of a contact, in the order in which they opened."""
    return list(Conversation.objects.filter(contact_urn=contact).order_by("opened_at"))


def test_a_ticket_closes_the_open_conversation_between_two_messages(adapted: Service) -> None:
    contacts = [f"telegram:{number}" for number in range(GROUPS)]
    for number, contact in enumerate(contacts):
        ticket = ticket_body(urn=contact)
        adapted.send_from(contact, message(1, contact=contact))
        adapted.send_from(contact, in_envelope(ticket) if number % 2 else ticket)
        adapted.send_from(contact, message(2, contact=contact))

    adapted.start_worker()
    adapted.wait_until_empty()

    for contact in contacts:
        taken_over, current = conversations(contact)
        assert taken_over.resolution == Resolution.HAS_CHAT_ROOM
        assert archived_ids(taken_over) == ["m-1"]
        assert current.resolution == Resolution.IN_PROGRESS
        assert stored_ids(current) == ["m-2"]
    assert adapted.dead_letter_count() == 0


def test_messages_in_envelopes_and_with_a_type_in_the_attribute_are_stored_in_order(
    adapted: Service,
) -> None:
    adapted.start_worker()
    numbers = count(1)
    for _ in range(3):
        adapted.send_from(CONTACT, in_envelope(message(next(numbers))))
        wrapped = in_envelope(
            message(next(numbers), typed=False), attributes={"event_type": "message.received"}
        )
        adapted.send_from(CONTACT, wrapped)
        adapted.send_from(
            CONTACT,
            message(next(numbers), typed=False),
            attributes={"event_type": "message.received"},
        )
    adapted.wait_until_empty()

    (conversation,) = conversations(CONTACT)
    assert stored_ids(conversation) == [f"m-{number}" for number in range(1, 10)]
    assert adapted.dead_letter_count() == 0


@any_batch_size
def test_an_event_that_was_quarantined_without_its_adapter_is_redriven_with_it(
    service: Service,
) -> None:
    worker = service.start_worker()
    service.send_from(CONTACT, in_envelope(message(1)))
    service.send_from(
        CONTACT,
        in_envelope(message(2, typed=False)),
        attributes={"event_type": "message.received"},
    )
    service.wait_until_empty()
    assert service.dead_letter_count() == 2
    service.kill(worker)

    collect_dead_letters.run()
    assert {letter.reason for letter in DeadLetter.objects.all()} == {
        "unknown_event_type",
        "missing_field",
    }
    redrive_all()
    service.environment["EVENT_ADAPTERS"] = "sns"
    service.start_worker()
    service.wait_until_empty()

    (conversation,) = conversations(CONTACT)
    assert stored_ids(conversation) == ["m-1", "m-2"]
