"""Projects in the admin site: valid and refused input."""

from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from apps.common.timezones import unknown_zone_message
from apps.conversations.models import Conversation, Project
from tests.support.builders import PROJECT, conversation
from tests.support.stored import every_row_version

pytestmark = pytest.mark.django_db

OTHER = "0b9f6f0e-5f0e-4f0c-8a51-6d1d4c1b2a03"


@pytest.fixture
def operator() -> Client:
    """Return a client signed in as an operator, over TLS as in production."""
    client = Client(headers={"x-forwarded-proto": "https"})
    client.force_login(User.objects.create_superuser("operator"))
    return client


@pytest.fixture
def opened() -> Conversation:
    """Return a conversation in progress."""
    return conversation()


def posted(operator: Client, *, uuid: str = str(PROJECT), **fields: str) -> Any:
    """Post the form of a project with these fields, and return the response. Add a new project."""
    form = {"uuid": uuid, "name": "Shop", "timezone": "UTC", "closing_time": "00:00:00", **fields}
    is_there = Project.objects.filter(uuid=uuid).exists()
    page = "admin:conversations_project_change" if is_there else "admin:conversations_project_add"
    return operator.post(reverse(page, args=[uuid] if is_there else []), form, secure=True)


@pytest.mark.parametrize("zone", ["Brazil/Sao_Paulo", "sao paulo", "GMT-3", "Moon", "100%s"])
@pytest.mark.parametrize("uuid", [str(PROJECT), OTHER], ids=["changed", "added"])
def test_an_unknown_zone_is_refused_with_the_nearest_names(
    operator: Client, opened: Conversation, uuid: str, zone: str
) -> None:
    before = every_row_version()

    answer = posted(operator, uuid=uuid, timezone=zone)

    assert answer.status_code == 200
    assert unknown_zone_message(zone) in unescape(answer.content.decode())
    assert every_row_version() == before


def test_the_form_suggests_the_nearest_name(operator: Client, opened: Conversation) -> None:
    answer = posted(operator, timezone="Brazil/Sao_Paulo")

    assert "Did you mean America/Sao_Paulo?" in answer.content.decode()


def test_a_project_can_be_added_before_its_first_event(operator: Client) -> None:
    assert posted(operator, uuid=OTHER, timezone="Asia/Tokyo").status_code == 302

    assert Project.objects.get().timezone == "Asia/Tokyo"


@pytest.mark.parametrize("closing_time", ["24:00", "noon", ""])
def test_a_wrong_closing_time_is_refused(
    operator: Client, opened: Conversation, closing_time: str
) -> None:
    before = every_row_version()

    assert posted(operator, closing_time=closing_time).status_code == 200

    assert every_row_version() == before
