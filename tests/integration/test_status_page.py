"""The page with the status, and the first page of the admin site for staff who may see it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from observability.metrics import definitions
from operations.status import page as status_page
from operations.status import reading
from operations.status.page import REFRESH_EVERY
from operations.status.reading import Readings
from tests.support.console_client import browser, get, page
from tests.support.html import Document
from tests.support.status_readings import healthy, held, judged, pending

pytestmark = pytest.mark.django_db

MAY_SEE = "view_status"
LISTS = ("view_deadletter", "view_conversation", "view_outboxevent", "view_periodictask")
Show = Callable[..., None]


@pytest.fixture
def show(monkeypatch: pytest.MonkeyPatch) -> Show:
    """Return a function that sets what the sources answer."""

    def answer(readings: Readings) -> None:
        monkeypatch.setattr(status_page, "current_status", lambda: judged(readings))

    answer(healthy())
    return answer


def urls() -> list[str]:
    """Return the addresses of both pages that show the status."""
    return [reverse("status"), reverse("admin:index")]


def links(document: Document) -> set[str]:
    return {one.attributes["href"] for one in document.all("a")}


def refreshes(document: Document) -> list[str]:
    """Return after how many seconds the page reloads itself."""
    scripts = [one.attributes for one in document.all("script")]
    return [one["data-seconds"] for one in scripts if "refresh.js" in one.get("src", "")]


def rows(document: Document, name: str) -> list[str]:
    """Return the texts of the cells in the row of a line."""
    cells = [one for kind in ("th", "td") for one in document.all(kind, within=f"status-{name}")]
    return [" ".join(one.text.split()) for one in cells]


def test_the_page_is_at_an_address_of_its_own() -> None:
    assert reverse("status") == "/admin/status/"


def test_the_page_requires_a_login() -> None:
    for client in (Client(), browser(MAY_SEE, is_staff=False)):
        answer = get(client, reverse("status"))
        assert answer.status_code == 302
        assert answer["Location"].startswith(reverse("admin:login"))


def test_staff_without_the_permission_may_not_see_the_page(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(status_page, "current_status", lambda: pytest.fail("it was read"))

    assert get(browser(*LISTS), reverse("status")).status_code == 403


def test_the_first_page_of_staff_without_the_permission_has_no_status(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(status_page, "current_status", lambda: pytest.fail("it was read"))

    document = page(browser(*LISTS), reverse("admin:index"))

    assert not [one for one in document.elements if one.attributes.get("class") == "status"]
    assert refreshes(document) == []
    assert not [one for one in document.all("link") if "status" in one.attributes["href"]]


@pytest.mark.usefixtures("show")
def test_staff_with_the_permission_see_the_status_on_both_pages() -> None:
    client = browser(MAY_SEE)

    for url in urls():
        document = page(client, url)
        assert rows(document, "workers")[:2] == ["Workers", "good"]
        assert "1 running" in rows(document, "workers")[2]


@pytest.mark.usefixtures("show")
def test_the_page_refuses_post_requests() -> None:
    assert browser(MAY_SEE).post(reverse("status"), secure=True).status_code == 405


@pytest.mark.usefixtures("show")
def test_the_page_loads_nothing_from_other_sites_and_has_no_inline_script_or_style() -> None:
    answer = get(browser(MAY_SEE), reverse("status"))
    document = Document(answer.content.decode())

    assert "default-src 'none'" in answer["Content-Security-Policy"]
    assert "no-store" in answer["Cache-Control"]
    assert all(one.attributes.get("src") and not one.text for one in document.all("script"))
    assert not list(document.all("style"))
    for one in document.elements:
        assert not [name for name in one.attributes if name == "style" or name.startswith("on")]
        for name in ("src", "href"):
            assert not one.attributes.get(name, "").startswith(("http:", "https:", "//"))


def test_a_problem_is_shown_with_its_state_as_a_word_its_sentence_and_its_command(
    show: Show,
) -> None:
    show(healthy(pending=pending(bug=2)))

    document = page(browser(MAY_SEE), reverse("status"))

    title, state, finding, _link = rows(document, "dead_letters")
    assert (title, state) == ("Dead letters", "warning")
    assert finding.startswith("2 dead letters wait for a decision")
    assert finding.endswith("python manage.py dlq list")
    (heading,) = [one.text for one in document.all("h1")]
    assert heading == "Status: warning"


def test_reasons_of_dead_letters_are_sentences_in_the_language_of_the_page(show: Show) -> None:
    show(healthy(pending=pending(bug=2, lost=1)))
    client = browser(MAY_SEE, *LISTS)
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "pt-br"

    document = page(client, reverse("status"))

    assert rows(document, "dead_letters")[2].startswith("3 mensagens da DLQ aguardam uma decisão.")
    heads = [" ".join(one.text.split()) for one in document.all("th")]
    assert "Cinco execuções falharam com um erro inesperado." in heads
    assert not {"bug", "lost"} & set(heads)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "2 warnings, 15 good."),
        ("pt-br", "2 alertas, 15 bons."),
        ("es", "2 alertas, 15 bien."),
    ],
)
def test_numbers_of_lines_agree_with_their_states(show: Show, language: str, text: str) -> None:
    show(healthy(pending=pending((definitions.ERASURES_PENDING, 1), bug=2)))
    client = browser(MAY_SEE)
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = language

    notes = [" ".join(one.text.split()) for one in page(client, reverse("status")).all("p")]

    assert any(note.startswith(text) for note in notes), notes


def test_lines_link_to_the_lists_behind_them(show: Show) -> None:
    show(healthy(pending=pending(bug=2)))

    found = links(page(browser(MAY_SEE, *LISTS), reverse("status")))

    letters = reverse("admin:conversation_messages_deadletter_changelist")
    assert f"{letters}?state=waiting" in found
    assert f"{letters}?state=waiting&reason=bug" in found
    conversations = reverse("admin:conversations_conversation_changelist")
    assert {f"{conversations}?state=overdue", f"{conversations}?state=unarchived"} <= found
    outbox = reverse("admin:analytics_outboxevent_changelist")
    assert {f"{outbox}?state=waiting", f"{outbox}?state=refused"} <= found
    assert reverse("admin:django_celery_beat_periodictask_changelist") in found


def test_the_lists_behind_the_lines_can_be_opened(show: Show) -> None:
    show(healthy(pending=pending(bug=2)))
    client = browser(MAY_SEE, *LISTS, "view_erasure")

    lists = [url for url in links(page(client, reverse("status"))) if url.startswith("/admin/c")]
    lists += [url for url in links(page(client, reverse("status"))) if "outboxevent" in url]

    assert len(lists) >= 6
    for url in lists:
        # Django redirects a list with an unknown filter to its address with "?e=1".
        assert client.get(url, secure=True).status_code == 200, url


def test_users_who_may_not_see_a_list_get_no_link_to_it(show: Show) -> None:
    show(healthy(pending=pending(bug=2)))

    found = links(page(browser(MAY_SEE), reverse("status")))

    assert not [url for url in found if "changelist" in url or "deadletter" in url]


@pytest.mark.usefixtures("show")
def test_both_pages_refresh_themselves_until_the_user_stops_it() -> None:
    client = browser(MAY_SEE)

    for url in urls():
        document = page(client, url)
        # Without an address in it, the browser keeps the scroll position.
        assert refreshes(document) == [str(REFRESH_EVERY)]
        assert "?refresh=off" in links(document)

        stopped = page(client, url, refresh="off")
        assert refreshes(stopped) == []
        assert "?" in links(stopped)


def test_every_table_has_heads_and_a_name(show: Show) -> None:
    show(healthy(held=held(60), pending=pending(bug=2)))

    document = page(browser(MAY_SEE), reverse("status"))

    ids = {one.attributes.get("id") for one in document.elements}
    tables = list(document.all("table"))
    assert len(tables) == 5
    for table in tables:
        assert table.attributes["aria-labelledby"] in ids
    for head in document.all("th"):
        assert head.attributes["scope"] in ("col", "row")


def test_held_events_are_listed_by_the_hash_of_their_group(show: Show) -> None:
    show(healthy(held=held(60, total=12)))

    document = page(browser(MAY_SEE), reverse("status"))

    (title,) = [one.text for one in document.all("h3") if "rerun" in one.text]
    assert title == "Events that wait for a rerun: the first 1 of 12"
    assert "a1b2c3" in [one.text for one in document.all("th")]


@pytest.fixture
def _own_readers() -> Iterator[None]:
    reading._readers.cache_clear()
    yield
    reading._readers.cache_clear()


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("aws", "_own_readers")
def test_the_page_reads_the_current_status(settings: Any) -> None:
    document = page(browser(MAY_SEE), reverse("status"))

    assert rows(document, "version")[:2] == ["Version", "good"]
    assert rows(document, "queue")[:2] == ["Events' queue", "good"]
