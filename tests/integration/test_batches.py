"""The messages of a batch are attributed with one statement."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from apps.conversations.attribution import find_or_open
from apps.conversations.models import Conversation, Resolution
from tests.support.builders import NOON, PROJECT, conversation, found, incoming, project

SECOND = timedelta(seconds=1)


@pytest.mark.django_db
def test_one_statement_finds_or_opens_the_conversations_of_a_batch(
    django_assert_num_queries: Callable[[int], Any],
) -> None:
    current = conversation(urn="telegram:1")
    closed = conversation(
        urn="telegram:2", resolution=Resolution.RESOLVED, ended_at=NOON + 9 * SECOND
    )
    found(urn="telegram:3")
    batch = [
        incoming(urn="telegram:4", at=NOON + SECOND, from_contact=False),
        incoming(urn="telegram:2"),
        incoming(urn="telegram:1"),
        incoming(urn="telegram:2", sent_at=NOON + 10 * SECOND),
        incoming(urn="telegram:4", sent_at=NOON + SECOND),
        incoming(urn="telegram:3"),
    ]

    with django_assert_num_queries(1):
        places = find_or_open(batch)

    of_new_contact = Conversation.objects.get(contact_urn="telegram:4")
    successor = Conversation.objects.get(contact_urn="telegram:2", resolution=2)
    of_known_contact = Conversation.objects.get(contact_urn="telegram:3")
    assert [place.conversation_uuid for place in places] == [
        of_new_contact.uuid,
        closed.uuid,
        current.uuid,
        successor.uuid,
        of_new_contact.uuid,
        of_known_contact.uuid,
    ]
    assert [place.late for place in places] == [False, True, False, False, False, False]
    assert of_new_contact.started_at == NOON + SECOND
    assert of_new_contact.written_at == NOON + SECOND


@pytest.mark.django_db
def test_conversations_of_new_projects_are_opened_in_the_zone_of_each_project() -> None:
    tokyo, new = uuid4(), uuid4()
    project(uuid=tokyo, timezone="Asia/Tokyo")

    find_or_open([incoming(project=tokyo), incoming(project=new), incoming()])

    closings = Conversation.objects.values_list("project", "closes_at")
    assert {uuid: closes_at.isoformat() for uuid, closes_at in closings} == {
        tokyo: "2026-11-23T15:00:00+00:00",
        new: "2026-11-24T03:00:00+00:00",
        PROJECT: "2026-11-24T03:00:00+00:00",
    }
