"""Every link of the admin site leads to a page that the user who sees the link may open."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from apps.conversations.admin import base, links
from apps.messages.admin import redrive_progress
from apps.messages.models import DeadLetter
from tests.support.admin import signed_in
from tests.support.admin_samples import made_admin_samples
from tests.support.console_client import MAY_READ
from tests.support.crawler import Crawler

pytestmark = pytest.mark.django_db

VIEWS = tuple(f"view_{model._meta.model_name}" for model in admin.site._registry)
CHANGES = (
    "change_conversation",
    "change_deadletter",
    "delete_deadletter",
    "change_outboxevent",
    "change_project",
    "add_project",
    "change_periodictask",
)
USERS: dict[str, tuple[str, ...]] = {
    "no permission": (),
    **{one: (one,) for one in VIEWS},
    "reader of messages": (*MAY_READ, "view_deadletter"),
    "viewer": VIEWS,
    "operator": (*VIEWS, *CHANGES),
    "operator without views": CHANGES,
}


@pytest.fixture(autouse=True)
def site(aws: None, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Store samples of everything. Lists have several pages, and the console is on."""
    settings.CONSOLE_ENABLED = True
    monkeypatch.setattr(base.BoundedAdmin, "list_per_page", 2)
    made_admin_samples(at=datetime.now(UTC))


def crawled(client: Client, *, max_parameters: int = 3) -> Crawler:
    """Return what a user finds who starts at the index."""
    crawler = Crawler(client, max_parameters=max_parameters)
    crawler.crawl(reverse("admin:index"))
    return crawler


@pytest.mark.slow
@pytest.mark.parametrize("user", USERS)
def test_a_user_finds_only_pages_that_can_be_shown(user: str) -> None:
    staff = User.objects.create_user("ana", is_staff=True)

    # Combinations of filters do not depend on permissions.
    crawler = crawled(signed_in(staff, USERS[user]), max_parameters=1)

    assert crawler.problems == []
    assert len(crawler.visited) >= 2


def test_a_superuser_finds_every_list_and_a_page_of_each_kind() -> None:
    client = signed_in(User.objects.create_superuser("ana"), ())

    crawler = crawled(client)
    crawler.crawl(redrive_progress.address([one.pk for one in DeadLetter.objects.all()]))

    assert crawler.problems == []
    for model in admin.site._registry:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        assert crawler.visits_of(f"{name}_changelist") > 0, name
        assert crawler.visits_of(f"{name}_change") > 0, name
    for name in (
        "admin:analytics_console",
        "admin:analytics_console_csv",
        "admin:analytics_console_projects",
        "admin:analytics_console_projects_csv",
        "admin:analytics_console_drilldown",
        "admin:conversation_messages_transcript",
        "admin:conversation_messages_redrive_progress",
    ):
        assert crawler.visits_of(name) > 0, name


def test_the_crawler_reports_a_link_to_a_page_that_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(links.Link, "_may_be_viewed", lambda _self, _user: True)
    staff = User.objects.create_user("ana", is_staff=True)

    crawler = crawled(signed_in(staff, ("view_conversation",)))

    assert any("/project/" in one and one.endswith(": 403") for one in crawler.problems)


def test_the_crawler_reports_a_page_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object) -> None:
        raise LookupError("broken")

    monkeypatch.setattr(redrive_progress, "progress_of", fail)
    crawler = Crawler(signed_in(User.objects.create_superuser("ana"), ()))

    crawler.crawl(redrive_progress.address([1]))

    assert [one.endswith("LookupError('broken')") for one in crawler.problems] == [True]
