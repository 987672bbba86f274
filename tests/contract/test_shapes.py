"""Each shape ends as expected through a real worker, and the page lists what becomes of it."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from embedded.network import free_port
from tests.contract.contacts import Contact, contact_of
from tests.contract.expectations import Effect
from tests.contract.page import PAGE, page_of, write
from tests.contract.shapes import ADAPTERS, Shape, read_shapes, rounds
from tests.e2e.conftest import any_batch_size
from tests.support.admin import signed_in
from tests.support.running_service import Service
from tests.support.scraping import scrape

ENDED = "conversations_events_ended_total"


@pytest.fixture
def client(service: Service, settings: Any) -> Client:
    """An operator who may read transcripts in the console."""
    settings.CONSOLE_ENABLED = True
    return signed_in(User.objects.create_superuser("operator"), ())


def test_every_shape_has_a_name_of_its_own_and_expects_something() -> None:
    shapes = read_shapes()

    assert len({shape.name for shape in shapes}) == len(shapes)
    assert all(shape.expect for shape in shapes)


@any_batch_size
def test_every_shape_ends_as_expected_and_the_page_says_so(
    service: Service, client: Client
) -> None:
    shapes = read_shapes()
    service.environment["METRICS_PORT"] = str(free_port())
    service.environment["EVENT_ADAPTERS"] = ",".join(ADAPTERS)
    service.start_worker()

    contacts = {shape.group: contact_of(shape.group) for shape in shapes}

    by_name = {
        effect.shape.name: effect
        for one_round in rounds(shapes)
        for effect in _effects(service, client, one_round, contacts=contacts)
    }

    effects = [by_name[shape.name] for shape in shapes]
    page = page_of(effects)
    if os.environ.get("CONTRACT_WRITE"):
        write(page)
    problems = [problem for effect in effects for problem in effect.problems()]
    assert not problems, "\n".join(problems)
    assert PAGE.read_text(encoding="utf-8") == page, "make contract writes the page"


def _effects(
    service: Service, client: Client, shapes: Sequence[Shape], *, contacts: dict[str, Contact]
) -> Iterator[Effect]:
    """Send shapes of different contacts, and yield what has become of each.

    `contacts` has what the stores had about each contact after the last shape, by group.
    """
    counted_before = _counted(service)
    sent = {shape.name: _send(service, shape) for shape in shapes}
    service.wait_until_empty()
    counted = _counted(service) - counted_before
    letters = _dead_letters(service)
    types = Counter(shape.event_type for shape in shapes)
    for shape in shapes:
        after = contact_of(shape.group)
        yield Effect(
            shape=shape,
            before=contacts[shape.group],
            after=after,
            letter=letters.get(sent[shape.name], {}),
            words=after.words(client) if "shown" in shape.expect else "",
            counted=counted,
            alike=types[shape.event_type],
        )
        contacts[shape.group] = after


def _send(service: Service, shape: Shape) -> str:
    """Send a shape. Return its message id."""
    service.sent.append((shape.group, shape.body))
    answer = service.sqs.send_message(
        QueueUrl=service.queue_url,
        MessageBody=shape.body,
        MessageGroupId=shape.group,
        MessageDeduplicationId=shape.deduplication_id,
        MessageAttributes=shape.attributes,
    )
    return str(answer["MessageId"])


def _counted(service: Service) -> Counter[str]:
    """Return how many events of each type have taken effect."""
    page = scrape(int(service.environment["METRICS_PORT"]))
    return Counter(
        {
            labels["event_type"]: int(page.value(ENDED, **labels))
            for labels in page.labels_of(ENDED)
            if labels["outcome"] == "done"
        }
    )


def _dead_letters(service: Service) -> dict[str, dict[str, str]]:
    """Take all dead letters from their queue. Return the attributes of each by its event's id."""
    found: dict[str, dict[str, str]] = {}
    url = service.environment["SQS_CONVERSATION_DLQ_URL"]
    while service.dead_letter_count():
        received: dict[str, Any] = service.sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        )
        for letter in received.get("Messages", []):
            attributes = letter.get("MessageAttributes", {})
            texts = {name: one["StringValue"] for name, one in attributes.items()}
            found[texts["source_message_id"]] = texts
            service.sqs.delete_message(QueueUrl=url, ReceiptHandle=letter["ReceiptHandle"])
    return found
