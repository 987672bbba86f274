"""Who may see the console, and what their browsers may load for it."""

import logging
import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from django.test import Client
from django.urls import reverse

from apps.conversations.models import Conversation
from config.environment import read
from tests.support.builders import NOON, PROJECT
from tests.support.closings import at
from tests.support.console import HOSTILE_NAME, made_chat, made_shop
from tests.support.console_client import (
    BEHIND,
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
    """A conversation that says where a page does not escape."""
    made_shop(name=HOSTILE_NAME)
    return made_chat(at=NOON, name=HOSTILE_NAME)


def urls(chat: Conversation) -> dict[str, str]:
    """The addresses of the three pages."""
    return {
        "figures": reverse(FIGURES),
        "behind": reverse(BEHIND) + "?of=closed",
        "transcript": reverse(TRANSCRIPT, args=[chat.uuid]),
    }


PAGES = ("figures", "behind", "transcript")


@pytest.mark.parametrize("name", PAGES)
def test_it_is_off_unless_it_is_switched_on(settings: Any, chat: Conversation, name: str) -> None:
    client, stranger = browser(*MAY_READ), Client()
    settings.CONSOLE_ENABLED = read().CONSOLE_ENABLED

    for one in (client, stranger):
        assert get(one, urls(chat)[name]).status_code == 404


@pytest.mark.parametrize("enabled", [False, True])
def test_the_index_leads_to_it_only_where_it_is_on(settings: Any, enabled: bool) -> None:
    settings.CONSOLE_ENABLED = enabled

    document = page(browser(*MAY_SEE), reverse("admin:index"))

    links = {one.attributes["href"] for one in document.all("a")}
    assert (reverse(FIGURES) in links) is enabled


def test_the_index_leads_nobody_to_it_who_may_not_see_it() -> None:
    document = page(browser("view_conversation"), reverse("admin:index"))

    assert reverse(FIGURES) not in {one.attributes["href"] for one in document.all("a")}


@pytest.mark.parametrize("name", PAGES)
def test_strangers_have_to_sign_in(chat: Conversation, name: str) -> None:
    customers = browser(*MAY_READ, is_staff=False)

    for client in (Client(), customers):
        answer = get(client, urls(chat)[name])
        assert answer.status_code == 302
        assert answer["Location"].startswith(reverse("admin:login"))


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("missing", MAY_READ)
def test_each_permission_is_needed(chat: Conversation, name: str, missing: str) -> None:
    others = set(MAY_READ) - {missing}
    is_needed = missing in MAY_SEE or name == "transcript"

    answer = get(browser(*others), urls(chat)[name])

    assert answer.status_code == (403 if is_needed else 200)


def test_who_may_not_read_messages_is_not_led_to_them(chat: Conversation) -> None:
    document = page(browser(*MAY_SEE), urls(chat)["behind"])

    assert not [a for a in document.all("a") if "transcript" in a.attributes["href"]]
    assert "eman" in next(document.all("div", of_class="console-who")).text


@pytest.mark.parametrize("name", PAGES)
def test_the_pages_only_read(chat: Conversation, name: str) -> None:
    assert browser(*MAY_READ).post(urls(chat)[name], secure=True).status_code == 405


@pytest.mark.parametrize("name", PAGES)
def test_browsers_load_nothing_from_elsewhere(chat: Conversation, name: str) -> None:
    answer = get(browser(*MAY_READ), urls(chat)[name])

    policy = dict(part.split(" ", 1) for part in answer["Content-Security-Policy"].split("; "))
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' data:",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
    }
    assert "no-store" in answer["Cache-Control"]


@pytest.mark.parametrize("name", PAGES)
def test_pages_have_no_script_or_style_of_their_own(chat: Conversation, name: str) -> None:
    document = page(browser(*MAY_READ), urls(chat)[name])

    assert all(one.attributes.get("src") and not one.text for one in document.all("script"))
    assert not list(document.all("style"))
    for one in document.elements:
        assert not [name for name in one.attributes if name == "style" or name.startswith("on")]


@pytest.mark.parametrize("name", PAGES)
def test_no_address_of_a_page_is_elsewhere(chat: Conversation, name: str) -> None:
    document = page(browser(*MAY_READ), urls(chat)[name])

    for one in document.elements:
        for attribute in ("href", "src", "action"):
            address = one.attributes.get(attribute, "")
            assert re.match(r"(/(?!/)|\?|#|data:,$|$)", address), address


@pytest.mark.parametrize("name", PAGES)
def test_what_people_wrote_is_text_and_nothing_else(chat: Conversation, name: str) -> None:
    content = get(browser(*MAY_READ), urls(chat)[name]).content.decode()
    document = page(browser(*MAY_READ), urls(chat)[name])

    assert "&lt;script&gt;alert(&quot;name&quot;)" in content
    assert "<script>alert" not in content
    assert not list(document.all("img"))


def test_who_looked_at_what_is_logged_by_ids_only(
    chat: Conversation, caplog: pytest.LogCaptureFixture
) -> None:
    client = browser(*MAY_READ)
    user = int(client.session["_auth_user_id"])

    with caplog.at_level(logging.INFO, logger="apps.common.console_access"):
        get(client, urls(chat)["transcript"])
        figures_page(client, project=str(PROJECT))

    told = [vars(one) for one in caplog.records if one.name == "apps.common.console_access"]
    assert [(one["page"], one["user_id"]) for one in told] == [
        ("transcript", user),
        ("console", user),
    ]
    assert told[0]["conversation_id"] == str(chat.uuid)
    assert UUID(told[1]["project_id"]) == PROJECT
    assert "alert" not in str(told)
