"""Clients of the console for tests, signed in as a user with given permissions."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from tests.support.admin import signed_in
from tests.support.html import Document

FIGURES = "admin:analytics_console"
DRILLDOWN = "admin:analytics_console_drilldown"
TRANSCRIPT = "admin:conversation_messages_transcript"
MAY_SEE = ("view_conversation", "view_surveyanswer")
MAY_READ = (*MAY_SEE, "view_conversationmessages")


def browser(*permissions: str, is_staff: bool = True) -> Client:
    """Return the client of a new user with these permissions, who has signed in."""
    name = f"operator-{User.objects.count()}"
    return signed_in(User.objects.create_user(name, is_staff=is_staff), permissions)


def get(client: Client, url: str, **parameters: Any) -> Any:
    """Send a GET request over TLS, and return the response."""
    return client.get(url, parameters or None, secure=True)


def page(client: Client, url: str, **parameters: Any) -> Document:
    """Request a page, and return it after strict parsing."""
    answer = get(client, url, **parameters)
    assert answer.status_code == 200, answer.content
    return Document(answer.content.decode())


def figures_page(client: Client, **parameters: Any) -> Document:
    """Request the page with the figures, and return it."""
    return page(client, reverse(FIGURES), **parameters)


def whole_list(client: Client, url: str) -> list[str]:
    """Return the transcript link of each row on all pages of a list, or "" if a row has none."""
    found: list[str] = []
    while url:
        document = page(client, url)
        for line in document.all("div", of_class="console-who"):
            links = [one for one in document.all("a") if line in one.parents]
            found.append(links[0].attributes["href"] if links else "")
        following = [one.attributes["href"] for one in document.all("a", of_class="console-next")]
        url = following[0] if following else ""
    return found


def parameters_of(url: str) -> dict[str, str]:
    """Return the query parameters of a URL."""
    return {name: value for name, (value,) in parse_qs(urlsplit(url).query).items()}
