"""Only users with permission may see the console. Its pages load nothing from other sites."""

import logging
import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from django.test import Client
from django.urls import reverse

from apps.conversations.models import Conversation
from config.environment import read_environment
from tests.support.builders import NOON, PROJECT
from tests.support.closings import at
from tests.support.console import HOSTILE_NAME, made_chat, made_shop
from tests.support.console_client import (
    DRILLDOWN,
    FIGURES,
    MAY_READ,
    MAY_SEE,
    TRANSCRIPT,
    browser,
    figures_page,
    get,
    page,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _the_console_is_on(settings: Any) -> Iterator[None]:
    settings.CONSOLE_ENABLED = True
    with at(NOON):
        yield


@pytest.fixture
def chat(aws: None) -> Conversation:
    """A conversation whose texts would break a page that does not escape them."""
    made_shop(name=HOSTILE_NAME)
    return made_chat(at=NOON, name=HOSTILE_NAME)


def urls(chat: Conversation) -> dict[str, str]:
    """The addresses of the pages and of the files."""
    return {
        "figures": reverse(FIGURES),
        "figures file": reverse("admin:analytics_console_csv") + "?table=figures",
        "projects": reverse("admin:analytics_console_projects"),
        "projects file": reverse("admin:analytics_console_projects_csv"),
        "drilldown": reverse(DRILLDOWN) + "?of=closed",
        "transcript": reverse(TRANSCRIPT, args=[chat.uuid]),
    }


PAGES = ("figures", "projects", "drilldown", "transcript")
FILES = ("figures file", "projects file")


@pytest.mark.parametrize("name", [*PAGES, *FILES])
def test_the_console_is_off_by_default(settings: Any, chat: Conversation, name: str) -> None:
    client, stranger = browser(*MAY_READ), Client()
    settings.CONSOLE_ENABLED = read_environment().CONSOLE_ENABLED

    for one in (client, stranger):
        assert get(one, urls(chat)[name]).status_code == 404


@pytest.mark.parametrize("enabled", [False, True])
def test_the_index_links_to_the_console_only_if_it_is_on(settings: Any, enabled: bool) -> None:
    settings.CONSOLE_ENABLED = enabled

    document = page(browser(*MAY_SEE), reverse("admin:index"))

    links = {one.attributes["href"] for one in document.all("a")}
    assert (reverse(FIGURES) in links) is enabled


def test_the_index_links_to_the_console_only_for_users_who_may_see_it() -> None:
    document = page(browser("view_conversation"), reverse("admin:index"))

    assert reverse(FIGURES) not in {one.attributes["href"] for one in document.all("a")}


@pytest.mark.parametrize("name", [*PAGES, *FILES])
def test_the_pages_require_a_login(chat: Conversation, name: str) -> None:
    customers = browser(*MAY_READ, is_staff=False)

    for client in (Client(), customers):
        answer = get(client, urls(chat)[name])
        assert answer.status_code == 302
        assert answer["Location"].startswith(reverse("admin:login"))


@pytest.mark.parametrize("name", [*PAGES, *FILES])
@pytest.mark.parametrize("missing", MAY_READ)
def test_every_permission_is_required(chat: Conversation, name: str, missing: str) -> None:
    others = set(MAY_READ) - {missing}
    is_needed = missing in MAY_SEE or name == "transcript"

    answer = get(browser(*others), urls(chat)[name])

    assert answer.status_code == (403 if is_needed else 200)


def test_users_who_may_not_read_messages_see_no_links_to_transcripts(chat: Conversation) -> None:
    document = page(browser(*MAY_SEE), urls(chat)["drilldown"])

    assert not [a for a in document.all("a") if "transcript" in a.attributes["href"]]
    assert "eman" in next(document.all("div", of_class="console-who")).text


@pytest.mark.parametrize("name", [*PAGES, *FILES])
def test_the_pages_refuse_post_requests(chat: Conversation, name: str) -> None:
    assert browser(*MAY_READ).post(urls(chat)[name], secure=True).status_code == 405


@pytest.mark.parametrize("name", [*PAGES, *FILES])
def test_browsers_do_not_keep_the_pages(chat: Conversation, name: str) -> None:
    assert "no-store" in get(browser(*MAY_READ), urls(chat)[name])["Cache-Control"]


@pytest.mark.parametrize("name", PAGES)
def test_pages_refer_to_no_other_sites_but_by_links_that_say_nothing_about_this_one(
    chat: Conversation, name: str
) -> None:
    document = page(browser(*MAY_READ), urls(chat)[name])

    for one in document.elements:
        of_attachment = one.name == "a" and one.attributes.get("rel") == "noopener noreferrer"
        for attribute in ("src", "action") if of_attachment else ("href", "src", "action"):
            address = one.attributes.get(attribute, "")
            assert re.match(r"(/(?!/)|\?|#|data:,$|$)", address), address


@pytest.mark.parametrize("name", PAGES)
def test_texts_that_contacts_wrote_are_escaped(chat: Conversation, name: str) -> None:
    content = get(browser(*MAY_READ), urls(chat)[name]).content.decode()
    document = page(browser(*MAY_READ), urls(chat)[name])

    assert "&lt;script&gt;alert(&quot;name&quot;)" in content
    assert "<script>alert" not in content
    assert not list(document.all("img"))


def test_each_view_is_logged_by_ids_only(
    chat: Conversation, caplog: pytest.LogCaptureFixture
) -> None:
    client = browser(*MAY_READ)
    user = int(client.session["_auth_user_id"])

    with caplog.at_level(logging.INFO, logger="apps.common.console_access"):
        get(client, urls(chat)["transcript"])
        figures_page(client, project=str(PROJECT))

    records = [vars(one) for one in caplog.records if one.name == "apps.common.console_access"]
    assert [(one["page"], one["user_id"]) for one in records] == [
        ("transcript", user),
        ("console", user),
    ]
    assert records[0]["conversation_id"] == str(chat.uuid)
    assert UUID(records[1]["project_id"]) == PROJECT
    assert "alert" not in str(records)
