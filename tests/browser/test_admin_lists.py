"""The admin's lists and details fit on a screen of 1280 pixels, and can be used on a phone."""

from datetime import UTC, datetime

import pytest
import time_machine
from django.contrib import admin
from django.urls import reverse

from apps.conversations.models import Conversation
from apps.messages.admin import redrive_progress
from apps.messages.models import DeadLetter
from tests.browser.conftest import SCREENS, Window
from tests.support.admin_samples import made_admin_samples

NOW = datetime(2026, 11, 23, 15, tzinfo=UTC)
LISTS = tuple(
    f"{model._meta.app_label}_{model._meta.model_name}"
    for model in admin.site._registry
    if model._meta.app_label != "auth"
)
LETTERS = "admin:conversation_messages_deadletter_changelist"

PHONES = [screen for screen in SCREENS if screen.name == "phone"]
DESKTOPS = [screen for screen in SCREENS if screen.name == "desktop"]
# How far an element is wider than its room.
TOO_WIDE = """selector => Math.max(0, ...[...document.querySelectorAll(selector)]
    .map(one => one.scrollWidth - one.clientWidth))"""


@pytest.fixture(autouse=True)
def _samples(site: object) -> None:
    """Store samples of everything."""
    with time_machine.travel(NOW, tick=True):
        made_admin_samples(at=NOW)


def test_every_list_fits_on_the_screen(window: Window) -> None:
    too_wide = {}
    with time_machine.travel(NOW, tick=True):
        for name in LISTS:
            response = window.open(reverse(f"admin:{name}_changelist"))
            assert response.status == 200
            window.shoot(f"list-{name}")
            too_wide[name] = window.page.evaluate(TOO_WIDE, "html, main, .results")

    assert {name: width for name, width in too_wide.items() if width} == {}


def test_details_fit_on_the_screen(window: Window) -> None:
    letter, conversation = DeadLetter.objects.latest("pk"), Conversation.objects.latest("opened_at")
    pages = {
        "letter": reverse("admin:conversation_messages_deadletter_change", args=[letter.pk]),
        "conversation": reverse("admin:conversations_conversation_change", args=[conversation.pk]),
        "redrive": redrive_progress.address([one.pk for one in DeadLetter.objects.all()]),
    }
    with time_machine.travel(NOW, tick=True):
        for name, address in pages.items():
            assert window.open(address).status == 200
            window.shoot(f"detail-{name}")
            assert window.page.evaluate(TOO_WIDE, "html, main") == 0, name


@pytest.mark.parametrize("screen", PHONES[:1], ids=str)
def test_a_search_on_a_phone_has_a_row_of_its_own(window: Window) -> None:
    # After a search, the number of results needs room, too.
    window.open(reverse("admin:conversations_conversation_changelist") + "?q=nobody")

    window.shoot("search")
    field, form = (window.page.locator(one) for one in ("#searchbar", "#changelist-search"))
    assert field.evaluate("one => one.offsetWidth") > 0.8 * form.evaluate("one => one.offsetWidth")
    assert window.page.evaluate(TOO_WIDE, "html, main") == 0


@pytest.mark.parametrize(
    ("screen", "heads"),
    [
        # The newest conversation of the samples has no scores, and is not archived.
        (PHONES[0], ["ID", "Contact", "State", "Project", "Opened", "Closing"]),
        (DESKTOPS[0], []),
    ],
    ids=str,
)
def test_a_row_is_a_card_on_a_phone_and_names_what_it_has(window: Window, heads: list[str]) -> None:
    window.open(reverse("admin:conversations_conversation_changelist"))

    shown = window.page.locator("#result_list tbody tr").first.evaluate(
        """row => [...row.cells]
            .filter(cell => cell.offsetParent)
            .map(cell => getComputedStyle(cell, '::before').content)
            .filter(content => content.startsWith('"'))"""
    )

    assert shown == [f'"{head}"' for head in heads]


@pytest.mark.parametrize("screen", DESKTOPS[:1], ids=str)
def test_the_name_of_a_project_is_on_one_line(window: Window) -> None:
    window.open(reverse("admin:conversations_conversation_changelist"))

    name = window.page.locator(".field-project a").first

    assert " " in name.inner_text()
    lines = name.evaluate("""one => {
        const range = document.createRange();
        range.selectNodeContents(one);
        // An element within the name has rectangles of its own.
        return new Set([...range.getClientRects()].map(one => Math.round(one.bottom))).size;
    }""")
    assert lines == 1


@pytest.mark.parametrize("screen", DESKTOPS[:1], ids=str)
def test_a_short_id_shows_eight_characters_and_is_selected_as_a_whole(window: Window) -> None:
    window.open(reverse("admin:conversations_conversation_changelist"))
    cell = window.page.locator("code.short-id").first

    cell.click()

    whole = cell.inner_text()
    assert len(whole) == 36
    assert window.page.evaluate("() => getSelection().toString()") == whole
    shown = cell.evaluate("one => one.clientWidth / one.scrollWidth * one.textContent.length")
    assert 7.5 < shown < 8.5


def test_letters_are_discarded_after_a_confirmation(window: Window) -> None:
    window.open(reverse(LETTERS))
    page, before = window.page, DeadLetter.objects.count()

    page.locator(".action-select").first.check()
    page.get_by_label("Action:").select_option("discard_selected")
    page.get_by_role("button", name="Go").click()
    page.get_by_role("heading", name="Discard dead letters?").wait_for()
    window.shoot("discard")
    assert page.evaluate(TOO_WIDE, "html, main") == 0
    assert DeadLetter.objects.count() == before
    page.get_by_role("button", name="Discard").click()

    page.get_by_text("Dead letters discarded: 1.").wait_for()
    assert DeadLetter.objects.count() == before - 1
