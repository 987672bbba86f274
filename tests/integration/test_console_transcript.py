"""The transcript page shows messages from the archive and from DynamoDB."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from apps.common.errors import Unavailable
from apps.conversations.models import Conversation, Resolution
from apps.messages import admin_views, deletions, store
from tests.support.builders import NOON, contact, conversation, entry, place
from tests.support.closings import at
from tests.support.console import ARABIC, HOSTILE_TEXT, chat_entry, made_chat, made_shop
from tests.support.console_client import MAY_READ, TRANSCRIPT, browser, get, page
from tests.support.html import Document
from tests.support.services import answer_recorded
from tests.support.stored import store_many

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _the_console_is_on(settings: Any, aws: None) -> Iterator[None]:
    settings.CONSOLE_ENABLED = True
    with at(NOON):
        yield


@pytest.fixture
def operator(db: None) -> Client:
    """A client of a user who may read the figures and the messages."""
    return browser(*MAY_READ)


def url(chat: Conversation) -> str:
    """Return the address of the page."""
    return reverse(TRANSCRIPT, args=[chat.uuid])


def texts(document: Document, *, of: str = "console-bubble") -> list[str]:
    """Return the texts of one side's bubbles, without authors and times."""
    bubbles = list(document.all("li", of_class=of))
    return [
        one.text
        for one in document.all("p", of_class="console-text")
        if any(parent in bubbles for parent in one.parents)
        and not any(parent.name == "details" for parent in one.parents)
    ]


def separators(document: Document) -> list[str]:
    """Return the texts of the separators."""
    return [one.text.strip() for one in document.all("li", of_class="console-separator")]


def subtitles(document: Document) -> list[str]:
    """Return the lines below the title."""
    return [one.text.strip() for one in document.all("p", of_class="console-subtitle")]


def test_the_transcript_is_shown_as_a_chat(operator: Client) -> None:
    made_shop()
    document = page(operator, url(made_chat(at=NOON)))

    assert texts(document, of="console-of-platform")[:2] == [
        "Hello! I am the assistant of the shop. How can I help?",
        "It left our warehouse today.\nYou will have it on Friday.",
    ]
    assert texts(document, of="console-of-contact")[:4] == [
        "Where is my order 1042? 📦",
        HOSTILE_TEXT,
        ARABIC,
        "with a NUL: ␀, a half �, a path C:\\u0041",
    ]
    assert {one.attributes["title"] for one in document.all("p", of_class="console-author")} == {
        "Message from the contact",
        "Message to the contact",
    }


def test_answers_and_the_closing_are_shown_between_messages_with_local_times(
    operator: Client,
) -> None:
    made_shop()

    document = page(operator, url(made_chat(at=NOON)))

    assert separators(document) == [
        "Monday, 23 November 2026",
        "CSAT answer: 2 (a newer answer replaced it), 09:19",
        "CSAT answer: 5, 09:20",
        "NPS answer: 0, 09:20",
        "Closed: resolved, 09:30",
    ]


def test_answers_of_the_same_time_are_shown_in_the_order_of_their_places_and_keys(
    operator: Client,
) -> None:
    shown = conversation()
    for key, score, number in (("weni_nps", 9, 2), ("weni_csat", 5, 2), ("weni_nps", 3, 1)):
        answer_recorded(
            to=shown.uuid,
            message_id=f"form-{number}",
            key=key,
            value=str(score),
            at=NOON,
            sequence_number=number,
        )

    answers = [one for one in separators(page(operator, url(shown))) if "answer" in one]

    assert answers == [
        "NPS answer: 3 (a newer answer replaced it), 09:00",
        "CSAT answer: 5, 09:00",
        "NPS answer: 9, 09:00",
    ]


def test_an_answer_without_a_score_is_shown_with_its_value_and_the_reason(
    operator: Client,
) -> None:
    shown = conversation()
    answer_recorded(to=shown.uuid, value="Well", problem="not_a_number", at=NOON)

    document = page(operator, url(shown))

    assert "CSAT answer: Well (no score: not a number), 09:00" in separators(document)


def test_an_edited_message_shows_its_earlier_text(operator: Client) -> None:
    made_shop()

    document = page(operator, url(made_chat(at=NOON)))

    (versions,) = document.all("ol", of_class="console-versions")
    assert versions.text.strip().split(maxsplit=1) == ["09:01", "Where is my ordr 1042?"]


def test_what_messages_carry_is_shown_and_nothing_is_loaded(operator: Client) -> None:
    made_shop()

    document = page(operator, url(made_chat(at=NOON)))

    shown = [one.text for one in document.all("li", of_class="console-bubble")]
    for text in (
        *(
            "Image media.example.org/1.jpg",
            "Voice message",
            "7 s",
            "Loja\n-23.5505199, -46.63330941",
        ),
        *("Rui\n+5511900000009", "Entrega", "order_update (pt_BR)", "Animated sticker"),
        *("Mention in a story", "2 of p1", "To Ana, 09:01: Where is my order 1042? 📦"),
        *("not on this page: of-another-page", "possible retry", '"of-a-platform"', HOSTILE_TEXT),
    ):
        assert any(text in one for one in shown), text
    sources = [one.attributes["src"] for one in document.elements if "src" in one.attributes]
    assert all(source.startswith("/static/") for source in sources)
    outward = [one for one in document.all("a") if "example.org" in one.attributes["href"]]
    assert {one.attributes["rel"] for one in outward} == {"noopener noreferrer"}
    assert len(outward) == 2
    assert not [one for one in document.all("a") if "javascript" in one.attributes["href"]]


def test_reactions_are_under_the_message_with_their_removal(operator: Client) -> None:
    made_shop()

    document = page(operator, url(made_chat(at=NOON)))

    (edited,) = [
        one
        for one in document.all("li", of_class="console-bubble")
        if "Where is my ordr 1042?" in one.text
    ]
    reactions = edited.text.partition("Earlier versions")[0].splitlines()
    assert [line for line in reactions if "👍🏽" in line] == ["👍🏽 Ana 09:09, until 09:09"]
    assert [line for line in reactions if HOSTILE_TEXT in line] == [f"{HOSTILE_TEXT} Ana 09:09"]


def test_a_link_of_an_answer_leads_to_the_message_on_the_page(operator: Client) -> None:
    made_shop()

    document = page(operator, url(made_chat(at=NOON)))

    (link,) = [one for one in document.all("a") if one.text == "Ana, 09:01"]
    (answered,) = [one for one in document.elements if one.attributes.get("id") == "m-2"]
    assert link.attributes["href"] == "#m-2"
    assert "Where is my order 1042?" in answered.text


def test_each_text_has_its_own_direction(operator: Client) -> None:
    made_shop()

    document = page(operator, url(made_chat(at=NOON)))

    written = [one for one in document.all("p", of_class="console-text") if one.text != "No text"]
    assert {one.attributes["dir"] for one in written} == {"auto"}
    authors = list(document.all("p", of_class="console-author"))
    assert all(any(one in bdi.parents for bdi in document.all("bdi")) for one in authors)


def test_messages_of_an_open_conversation_come_from_dynamodb(operator: Client) -> None:
    chat = conversation()
    store_many(
        conversation_uuid=chat.uuid,
        entries=[chat_entry(number, f"message {number}", at=NOON) for number in range(3)],
    )

    document = page(operator, url(chat))

    assert texts(document) == ["message 0", "message 1", "message 2"]
    assert "Closed" not in " ".join(separators(document))


def test_archived_and_late_messages_are_shown_together(operator: Client) -> None:
    made_shop()
    chat = made_chat(at=NOON)
    late = chat_entry(10, "a late one", at=NOON)
    store_many(conversation_uuid=chat.uuid, entries=[late])

    assert texts(page(operator, url(chat)))[-1] == "a late one"


def test_a_deleted_message_shows_only_that_it_was_deleted(operator: Client) -> None:
    chat = conversation()
    written = entry(message={"attachments": ["photo"]})
    store_many(conversation_uuid=chat.uuid, entries=[written])
    deletions.record(contact=contact(), identity="received:m-1", place=place(), now=NOON)

    document = page(operator, url(chat))

    assert texts(document) == ["Deleted by its author on 2026-11-23 09:00"]
    assert not list(document.all("details"))


def test_the_header_shows_the_window_and_the_takeover(operator: Client) -> None:
    chat = conversation(
        has_chats_room=True, external_id="w-7", window_start=NOON, ticket_uuid="t-1", agent_uuid="a"
    )

    _, header = subtitles(page(operator, url(chat)))

    assert header == (
        "Human took over: yes; Window: w-7; from: 2026-11-23 09:00:00; Ticket: t-1; Agent: a"
    )
    assert len(subtitles(page(operator, url(conversation(urn="telegram:2"))))) == 1


def test_an_empty_conversation_shows_a_note(operator: Client) -> None:
    document = page(operator, url(conversation()))

    assert separators(document) == ["There are no messages, or the archive was deleted."]


def test_a_long_transcript_has_pages(operator: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin_views, "PAGE_LENGTH", 4)
    chat = conversation()
    entries = [chat_entry(number, f"message {number}", at=NOON) for number in range(9)]
    store_many(conversation_uuid=chat.uuid, entries=entries)

    found: list[str] = []
    address = url(chat)
    while address:
        document = page(operator, address)
        found += texts(document)
        following = [
            one.attributes["href"]
            for one in document.all("a")
            if one.attributes.get("rel") == "next"
        ]
        address = f"{url(chat)}{following[0]}" if following else ""

    assert found == [f"message {number}" for number in range(9)]


def test_the_page_reports_that_dynamodb_is_unavailable(
    operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unavailable(_conversation_uuid: Any, **_options: Any) -> Any:
        raise Unavailable("DynamoDB", "ConnectTimeoutError")

    monkeypatch.setattr(store, "batches", unavailable)

    answer = get(operator, url(conversation()))

    assert answer.status_code == 503
    assert "DynamoDB is unavailable" in answer.content.decode()
    assert "Content-Security-Policy" in answer


def test_a_conversation_that_does_not_exist_is_not_found(operator: Client) -> None:
    assert get(operator, reverse(TRANSCRIPT, args=[uuid4()])).status_code == 404


def test_a_close_on_another_day_is_shown_under_that_day(operator: Client) -> None:
    made_shop()
    chat = conversation(resolution=Resolution.UNCLASSIFIED, ended_at=NOON + timedelta(days=1))
    store_many(conversation_uuid=chat.uuid, entries=[chat_entry(0, "hello", at=NOON)])

    assert separators(page(operator, url(chat)))[1:] == [
        "Tuesday, 24 November 2026",
        "Closed: unclassified, 09:00",
    ]


def test_the_title_of_a_time_has_seconds_and_the_zone(operator: Client) -> None:
    made_shop()

    document = page(operator, url(made_chat(at=NOON)))

    titles = {one.attributes["title"] for one in document.all("time")}
    assert "2026-11-23 09:01:00 -03" in titles
