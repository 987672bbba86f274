"""Errors are shown as pages of this site, which need no database."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import DataError, OperationalError, connection
from django.test import Client
from django.urls import reverse

from apps.common.errors import Unavailable
from tests.support.html import Document

pytestmark = pytest.mark.django_db


@pytest.fixture
def client() -> Client:
    """Return the client of a superuser, which does not raise the errors of pages."""
    client = Client(headers={"x-forwarded-proto": "https"}, raise_request_exception=False)
    client.force_login(User.objects.create_superuser("operator"))
    return client


def failing(error: Exception) -> Any:
    """Return a wrapper of statements that fails with this error."""

    def fail(*_arguments: Any) -> Any:
        raise error

    return fail


def title_of(answer: Any) -> str:
    """Return the title of a page of an error, after strict parsing."""
    document = Document(answer.content.decode())
    assert next(document.all("p", of_class="status")).text == str(answer.status_code)
    assert "errors.css" in [one.attributes["href"] for one in document.all("link")][1]
    return next(document.all("h1")).text


@pytest.mark.parametrize("name", ["index", "login", "conversations_conversation_changelist"])
def test_without_postgresql_a_page_says_so_and_when_to_try_again(client: Client, name: str) -> None:
    with connection.execute_wrapper(failing(OperationalError("Connection refused"))):
        answer = client.get(reverse(f"admin:{name}"), secure=True)

    assert answer.status_code == 503
    assert title_of(answer) == "The database cannot be reached"
    assert answer["Retry-After"] == "30"
    assert "no-store" in answer["Cache-Control"]
    assert "Connection refused" not in answer.content.decode()


def test_another_error_is_shown_without_its_text(client: Client) -> None:
    with connection.execute_wrapper(failing(DataError("a secret"))):
        answer = client.get(reverse("admin:index"), secure=True)

    assert answer.status_code == 500
    assert title_of(answer) == "Something went wrong here"
    assert "secret" not in answer.content.decode()
    assert "Retry-After" not in answer


def test_another_dependency_that_is_down_is_an_outage_too(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "django.contrib.admin.sites.AdminSite.get_app_list",
        failing(Unavailable("DynamoDB", "ConnectTimeoutError")),
    )

    assert client.get(reverse("admin:index"), secure=True).status_code == 503


def test_an_unknown_address_and_a_missing_permission_have_pages(client: Client) -> None:
    missing = client.get("/admin/nothing/", secure=True)
    refused = client.get(reverse("admin:analytics_outboxevent_add"), secure=True)

    assert (missing.status_code, title_of(missing)) == (404, "There is no such page")
    assert (refused.status_code, title_of(refused)) == (
        403,
        "You do not have the permission for this",
    )


def test_a_form_from_elsewhere_and_an_unknown_host_have_pages() -> None:
    client = Client(enforce_csrf_checks=True)

    forged = client.post(reverse("admin:login"), {"username": "a"}, secure=True)
    elsewhere = client.get("/admin/login/", secure=True, headers={"host": "other.example"})

    assert (forged.status_code, title_of(forged)) == (403, "The form was not accepted")
    assert (elsewhere.status_code, title_of(elsewhere)) == (
        400,
        "This request cannot be answered",
    )
