"""The conversation of a message is found or opened in one statement."""

from collections.abc import Callable
from datetime import time, timedelta
from typing import Any
from uuid import uuid4

import pytest

from apps.common.errors import Unavailable
from apps.conversations import attribution
from apps.conversations.attribution import Attribution
from apps.conversations.models import Conversation, Resolution
from apps.conversations.project_models import Project
from tests.support.builders import NAME, NOON, PROJECT, conversation, found, project
from tests.support.stored import changes_of_rows

TABLE = "conversations_conversation"
SECOND = timedelta(seconds=1)


@pytest.mark.django_db
def test_the_first_message_opens_a_conversation() -> None:
    place = found(at=NOON, sent_at=NOON + SECOND, group_id="group-of-the-message")

    opened = Conversation.objects.get()
    assert place == Attribution(conversation_uuid=opened.uuid, late=False)
    assert (opened.started_at, opened.opened_at) == (NOON, NOON + SECOND)
    assert opened.resolution == Resolution.IN_PROGRESS
    assert opened.contact_name == NAME
    assert opened.group_id == "group-of-the-message"
    assert opened.written_at == NOON + SECOND
    assert opened.ended_at is None


@pytest.mark.django_db
def test_it_closes_at_the_next_closing_time_of_its_project() -> None:
    project(timezone="Asia/Tokyo")

    found(sent_at=NOON)

    assert Conversation.objects.get().closes_at.isoformat() == "2026-11-23T15:00:00+00:00"


@pytest.mark.django_db
def test_the_first_event_of_a_project_creates_it_with_the_default_zone(settings: Any) -> None:
    settings.DEFAULT_TIMEZONE = "Africa/Nairobi"

    found()

    created = Project.objects.get()
    assert (created.uuid, created.timezone, created.closing_time) == (
        PROJECT,
        "Africa/Nairobi",
        time(0),
    )
    assert Conversation.objects.get().closes_at.isoformat() == "2026-11-23T21:00:00+00:00"


@pytest.mark.django_db
def test_the_next_message_finds_it_in_one_statement_that_writes_nothing(
    django_assert_num_queries: Callable[[int], Any],
) -> None:
    first = found()
    before = changes_of_rows(table=TABLE)

    with django_assert_num_queries(1):
        second = found(at=NOON + SECOND, sent_at=NOON + SECOND)

    assert second == first
    assert changes_of_rows(table=TABLE) == before


@pytest.mark.django_db
def test_a_project_seen_before_opens_a_conversation_in_one_statement(
    django_assert_num_queries: Callable[[int], Any],
) -> None:
    found(urn="telegram:1")

    with django_assert_num_queries(1):
        found(urn="telegram:2")

    assert Conversation.objects.count() == 2


@pytest.mark.django_db
def test_the_first_message_of_the_contact_is_noted_once() -> None:
    found(from_contact=False)
    assert not Conversation.objects.get().written_at
    inserted, updated, _ = changes_of_rows(table=TABLE)

    found(from_contact=True, sent_at=NOON + SECOND)
    found(from_contact=True, sent_at=NOON + SECOND)
    found(from_contact=True, sent_at=NOON + 2 * SECOND)
    found(from_contact=False, sent_at=NOON + 3 * SECOND)

    assert Conversation.objects.get().written_at == NOON + SECOND
    assert changes_of_rows(table=TABLE) == (inserted, updated + 1, 0)


@pytest.mark.django_db
def test_contacts_channels_and_projects_have_conversations_of_their_own() -> None:
    places = [
        found(),
        found(urn="telegram:2"),
        found(channel=uuid4()),
        found(project=uuid4()),
    ]

    assert len({place.conversation_uuid for place in places}) == 4


@pytest.mark.django_db
def test_a_closed_conversation_is_not_reopened_by_a_later_message() -> None:
    closed = conversation(
        resolution=Resolution.RESOLVED, opened_at=NOON - 9 * SECOND, ended_at=NOON
    )

    place = found(at=NOON, sent_at=NOON + SECOND)

    assert place.conversation_uuid != closed.uuid
    assert not place.late


@pytest.mark.django_db
def test_the_next_conversation_uses_a_changed_closing_rule_despite_the_cache() -> None:
    found(urn="telegram:1")
    Project.objects.update(timezone="Asia/Tokyo", closing_time=time(22, 0))

    found(urn="telegram:2")

    opened = Conversation.objects.get(contact_urn="telegram:2")
    assert opened.closes_at.isoformat() == "2026-11-23T13:00:00+00:00"


@pytest.mark.django_db
def test_the_longest_address_is_found_and_opened() -> None:
    urn = "".join(chr(0x1F300 + number) for number in range(512))

    assert found(urn=urn) == found(urn=urn)


@pytest.mark.django_db
def test_a_rule_that_changes_at_every_attempt_makes_the_event_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    project()
    monkeypatch.setattr(attribution, "_execute", lambda _messages: {})

    with pytest.raises(Unavailable, match="PostgreSQL"):
        found()


@pytest.mark.django_db
def test_a_conversation_of_the_platform_takes_the_name_when_it_first_appears() -> None:
    found(from_contact=False, contact_name="")

    found(sent_at=NOON + SECOND, contact_name="")
    found(sent_at=NOON + 2 * SECOND, contact_name="Ana")
    found(sent_at=NOON + 3 * SECOND, contact_name="Bia")

    assert Conversation.objects.get().contact_name == "Ana"


@pytest.mark.django_db
def test_the_name_may_come_with_a_message_to_the_contact() -> None:
    found(from_contact=False, contact_name="")

    found(sent_at=NOON + SECOND, from_contact=False, contact_name="Ana")

    assert Conversation.objects.get().contact_name == "Ana"
