"""The admin site shows every list, and allows changes of only some objects."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from apps.conversations.attribution import IncomingMessage, find_or_open
from apps.conversations.models import Conversation
from apps.conversations.project_models import Project
from tests.support.builders import PROJECT, contact, place

pytestmark = pytest.mark.django_db

LISTS = (
    "conversations_project",
    "conversations_conversation",
    "conversation_messages_conversationmessages",
    "analytics_surveyanswer",
    "analytics_outboxevent",
    "conversations_erasure",
    "conversation_messages_deadletter",
    "django_celery_beat_periodictask",
)
READ_ONLY = LISTS[1:7]


@pytest.fixture
def operator() -> Client:
    """Return a client signed in as an operator, over TLS as in production."""
    client = Client(headers={"x-forwarded-proto": "https"})
    client.force_login(User.objects.create_superuser("operator"))
    return client


@pytest.fixture
def conversation() -> Conversation:
    """Return a conversation in progress."""
    now = datetime.now(UTC)
    message = IncomingMessage(
        contact=contact(),
        place=place(queue_time=now),
        at=now,
        from_contact=True,
        contact_name="Ana",
    )
    find_or_open([message])
    return Conversation.objects.get()


@pytest.mark.parametrize("page", LISTS)
def test_every_list_can_be_opened_and_searched(
    operator: Client, conversation: Conversation, page: str
) -> None:
    answer = operator.get(reverse(f"admin:{page}_changelist"), {"q": ""}, secure=True)
    assert answer.status_code == 200


@pytest.mark.parametrize("page", READ_ONLY)
def test_objects_that_change_through_the_queue_cannot_be_added(operator: Client, page: str) -> None:
    answer = operator.get(reverse(f"admin:{page}_add"), secure=True)
    assert answer.status_code == 403


def test_a_conversation_is_shown_and_cannot_be_changed(
    operator: Client, conversation: Conversation
) -> None:
    url = reverse("admin:conversations_conversation_change", args=[conversation.pk])
    assert operator.get(url, secure=True).status_code == 200
    assert operator.post(url, {"resolution": 0}, secure=True).status_code == 403


def test_a_new_time_zone_moves_the_open_conversations_of_the_project(
    operator: Client,
    conversation: Conversation,
    django_capture_on_commit_callbacks: Callable[..., AbstractContextManager[Any]],
) -> None:
    url = reverse("admin:conversations_project_change", args=[PROJECT])
    form = {
        "uuid": str(PROJECT),
        "name": "Shop",
        "timezone": "Asia/Tokyo",
        "closing_time": "00:00:00",
        "idle_timeout": "",
    }
    with django_capture_on_commit_callbacks(execute=True):
        assert operator.post(url, form, secure=True).status_code == 302
    conversation.refresh_from_db()
    local = conversation.closes_at.astimezone(ZoneInfo("Asia/Tokyo"))
    assert (local.hour, local.minute) == (0, 0)
    assert timedelta() < conversation.closes_at - datetime.now(UTC) <= timedelta(days=1)


def test_an_unknown_zone_is_refused_with_a_message(
    operator: Client, conversation: Conversation
) -> None:
    url = reverse("admin:conversations_project_change", args=[PROJECT])
    form = {"uuid": str(PROJECT), "timezone": "Mars/Base", "closing_time": "00:00:00"}
    answer = operator.post(url, form, secure=True)
    assert "is not a time zone of the tz database" in answer.content.decode()
    assert Project.objects.get().timezone != "Mars/Base"
