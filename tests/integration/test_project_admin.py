"""Projects in the admin site: valid and refused input."""

from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import IntegrityError
from django.test import Client
from django.urls import reverse

from apps.common.timezones import unknown_zone_message
from apps.conversations.models import Conversation
from apps.conversations.project_models import Project
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
    """Submit the form for a new project with these fields. Return the response."""
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


@pytest.mark.parametrize("text", ["30d", "720h", "720:00:00", " 30D "])
def test_durations_are_written_with_units(
    operator: Client, opened: Conversation, text: str
) -> None:
    assert posted(operator, archive_retention=text, idle_timeout="1h30m").status_code == 302

    assert Project.objects.get().archive_retention == timedelta(days=30)
    page = operator.get(
        reverse("admin:conversations_project_change", args=[PROJECT]), secure=True
    ).content.decode()
    assert 'value="30d"' in page
    assert 'value="1h30m"' in page
    listed = operator.get(reverse("admin:conversations_project_changelist"), secure=True)
    assert ">30d<" in listed.content.decode()


@pytest.mark.parametrize("text", ["365", "0", "-30d", "23h", "0d", "30 00:00:00", "40000d"])
def test_a_retention_without_a_unit_or_out_of_bounds_is_refused(
    operator: Client, opened: Conversation, text: str
) -> None:
    """A number without a unit used to be seconds, so 365 deleted archives after six minutes."""
    before = every_row_version()

    answer = posted(operator, archive_retention=text)

    assert answer.status_code == 200
    assert "archive retention: " in unescape(answer.content.decode())
    assert every_row_version() == before


def test_the_database_refuses_a_retention_of_less_than_a_day(opened: Conversation) -> None:
    with pytest.raises(IntegrityError, match="archive_retention_of_a_day_or_more"):
        Project.objects.update(archive_retention=timedelta(seconds=365))


def test_a_new_project_has_the_default_retention(settings: Any) -> None:
    settings.DEFAULT_ARCHIVE_RETENTION = timedelta(days=90)

    assert Project.objects.create().archive_retention == timedelta(days=90)


def test_a_user_who_may_only_view_a_project_sees_durations_as_entered(
    opened: Conversation,
) -> None:
    Project.objects.update(archive_retention=timedelta(days=30))
    viewer = User.objects.create_user("viewer", is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_project"))
    client = Client(headers={"x-forwarded-proto": "https"})
    client.force_login(viewer)

    page = client.get(reverse("admin:conversations_project_change", args=[PROJECT]), secure=True)

    assert "30d" in page.content.decode()
    assert "30 days, 0:00:00" not in page.content.decode()


def test_a_user_who_may_only_add_projects_sees_the_form_of_a_new_one() -> None:
    clerk = User.objects.create_user("clerk", is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename="add_project"))
    client = Client(headers={"x-forwarded-proto": "https"})
    client.force_login(clerk)

    answer = client.get(reverse("admin:conversations_project_add"), secure=True)

    assert answer.status_code == 200
    assert 'name="archive_retention"' in answer.content.decode()


@pytest.mark.parametrize("closing_time", ["24:00", "noon", ""])
def test_a_wrong_closing_time_is_refused(
    operator: Client, opened: Conversation, closing_time: str
) -> None:
    before = every_row_version()

    assert posted(operator, closing_time=closing_time).status_code == 200

    assert every_row_version() == before
