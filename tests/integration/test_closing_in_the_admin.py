"""Operators close conversations, and change a project's closing rule, in the admin site."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client, TestCase
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.conversations.admin import actions, projects
from apps.conversations.audit_models import AuditEntry
from apps.conversations.models import Conversation, Resolution
from apps.conversations.moving import move_open_conversations
from apps.conversations.project_models import Project
from tests.support.builders import NOON, PROJECT, conversation, project
from tests.support.closings import HOUR, at, closing_at, current, tick
from tests.support.service_queue import ServiceQueue
from tests.support.stored import every_row_version

MIDNIGHT = datetime.fromisoformat("2026-11-24T03:00:00+00:00")
CONVERSATIONS = "admin:conversations_conversation_changelist"


@pytest.fixture(autouse=True)
def _stopped_clock() -> Iterator[None]:
    with at(NOON):
        yield


def browser(*permissions: str) -> Client:
    """Return a client signed in as staff with these permissions, or with all."""
    client = Client(headers={"x-forwarded-proto": "https"})
    user = User.objects.create_user("operator", is_staff=True, is_superuser=not permissions)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client.force_login(user)
    return client


def close(client: Client, *conversations: Conversation) -> list[str]:
    """Request closing of these conversations, and return the messages that are shown."""
    form = {"action": "close_selected", "_selected_action": [str(c.pk) for c in conversations]}
    answer = client.post(reverse(CONVERSATIONS), form, secure=True)
    return [str(message) for message in get_messages(answer.wsgi_request)]


def save(client: Client, **fields: Any) -> None:
    """Save the form of the project with default values except for these fields."""
    form = {"name": "Shop", "timezone": "America/Sao_Paulo", "closing_time": "00:00:00", **fields}
    url = reverse("admin:conversations_project_change", args=[PROJECT])
    with TestCase.captureOnCommitCallbacks(execute=True):
        answer = client.post(url, form, secure=True)
    assert answer.status_code == 302, answer.content


@pytest.mark.django_db(transaction=True)
def test_selected_conversations_are_closed_by_the_next_tick(queue: ServiceQueue) -> None:
    chats = [closing_at(MIDNIGHT, urn=f"telegram:{number}") for number in range(3)]

    assert close(browser(), *chats[:2]) == [
        "2 conversations will be closed as unclassified within a minute."
    ]
    assert current(chats[0]).resolution == Resolution.IN_PROGRESS
    tick()
    queue.work()

    assert [current(one).resolution for one in chats] == [
        Resolution.UNCLASSIFIED,
        Resolution.UNCLASSIFIED,
        Resolution.IN_PROGRESS,
    ]


@pytest.mark.django_db
def test_each_closed_conversation_is_refused_and_the_open_ones_are_requested() -> None:
    chat = closing_at(MIDNIGHT)
    closed = [
        conversation(resolution=Resolution.RESOLVED, opened_at=NOON - hours * HOUR, ended_at=NOON)
        for hours in (1, 2)
    ]

    shown = close(browser(), chat, *closed)

    expected = [f"{one.uuid} is closed already, as resolved." for one in closed]
    assert sorted(shown) == sorted(
        [*expected, "1 conversation will be closed as unclassified within a minute."]
    )
    assert current(chat).requested_resolution == Resolution.UNCLASSIFIED


@pytest.mark.django_db
def test_the_actor_is_logged() -> None:
    chat = closing_at(MIDNIGHT)

    close(browser(), chat)

    entry = AuditEntry.objects.exclude(action="login").get()
    assert (entry.actor, entry.source, entry.action) == ("operator", "admin", "close")
    assert (entry.object_id, entry.detail) == (str(chat.pk), {"resolution": "unclassified"})


@pytest.mark.django_db
def test_a_user_who_may_only_view_cannot_close() -> None:
    chat = closing_at(MIDNIGHT)
    client = browser("view_conversation")
    before = every_row_version()

    assert close(client, chat) == []

    assert every_row_version() == before
    assert "close_selected" not in client.get(reverse(CONVERSATIONS), secure=True).content.decode()


@pytest.mark.django_db
def test_a_user_who_may_change_conversations_can_close() -> None:
    chat = closing_at(MIDNIGHT)

    close(browser("view_conversation", "change_conversation"), chat)

    assert current(chat).requested_resolution == Resolution.UNCLASSIFIED


@pytest.mark.django_db
def test_too_many_selected_conversations_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actions, "MAX_SELECTED", 1)
    chats = [closing_at(MIDNIGHT, urn=f"telegram:{number}") for number in range(2)]
    client = browser()
    before = every_row_version()

    assert close(client, *chats) == ["Nothing was done: select at most 1 conversations."]

    assert every_row_version() == before


@pytest.mark.django_db
def test_the_list_shows_closing_times_and_requests() -> None:
    chat = closing_at(MIDNIGHT)
    closing_at(MIDNIGHT, urn="telegram:2", resolution=Resolution.RESOLVED, due_at=None)
    client = browser()
    close(client, chat)

    page = client.get(reverse(CONVERSATIONS), secure=True).content.decode()

    assert "to be closed as unclassified" in page
    cells = re.findall(r'class="field-closing[^>]*>(.*?)</td>', page)
    times = sorted(re.findall(r'title="([^"]*)"', "".join(cells)))
    assert len(cells) == 2
    assert times == ["2026-11-24 03:00:00 UTC"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("fields", "closes_at", "due_at"),
    [
        ({"timezone": "UTC"}, NOON + timedelta(hours=12), NOON + timedelta(hours=12)),
        ({"closing_time": "10:00"}, NOON + timedelta(hours=1), NOON + timedelta(hours=1)),
        ({"idle_timeout": "02:00:00"}, MIDNIGHT, NOON + timedelta(hours=2)),
    ],
)
def test_each_part_of_the_closing_rule_moves_the_open_conversations(
    fields: dict[str, str], closes_at: datetime, due_at: datetime
) -> None:
    chat = closing_at(MIDNIGHT)

    save(browser(), **fields)

    assert (current(chat).closes_at, current(chat).due_at) == (closes_at, due_at)


@pytest.mark.django_db
@pytest.mark.parametrize("idle_timeout", ["00:00:00", "30", "-1h", "48h1s"])
def test_an_unlikely_idle_timeout_is_refused(idle_timeout: str) -> None:
    closing_at(MIDNIGHT)
    form = {"timezone": "UTC", "closing_time": "00:00:00", "idle_timeout": idle_timeout}
    url = reverse("admin:conversations_project_change", args=[PROJECT])

    answer = browser().post(url, form, secure=True)

    assert re.search(r"is not (an|a possible) idle timeout: ", answer.content.decode())
    assert Project.objects.get().idle_timeout is None


@pytest.mark.django_db
def test_another_name_moves_nothing() -> None:
    closing_at(MIDNIGHT)
    before = every_row_version()["conversations_conversation"]

    save(browser(), name="Another")

    assert every_row_version()["conversations_conversation"] == before


@pytest.mark.django_db
def test_a_rule_that_was_changed_since_the_form_was_read_is_moved_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The form writes all its fields, so it can change the rule back."""
    chat = closing_at(MIDNIGHT)
    real = projects.ProjectAdmin.get_form

    def changed_meanwhile(*arguments: Any, **options: Any) -> Any:
        Project.objects.update(timezone="UTC")
        move_open_conversations(project=Project.objects.get(), now=NOON)
        return real(*arguments, **options)

    monkeypatch.setattr(projects.ProjectAdmin, "get_form", changed_meanwhile)

    save(browser(), name="Another")

    assert Project.objects.get().timezone == "America/Sao_Paulo"
    assert current(chat).closes_at == MIDNIGHT


@pytest.mark.django_db
def test_the_project_is_locked_while_it_is_saved() -> None:
    project()
    client = browser()

    with CaptureQueriesContext(connection) as queries:
        save(client, name="Another")

    assert any("FOR NO KEY UPDATE" in query["sql"] for query in queries)


@pytest.mark.django_db
def test_the_uuid_of_a_project_cannot_be_changed() -> None:
    project()

    save(browser(), uuid="0b9f6f0e-5f0e-4f0c-8a51-6d1d4c1b2a03")

    assert [one.uuid for one in Project.objects.all()] == [PROJECT]
