"""axe-core finds nothing serious on any page, and every page fits on a screen of 320 pixels."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from django.contrib.admin.sites import AdminSite
from django.urls import reverse
from playwright.sync_api import Page, expect

from apps.common.errors import Unavailable
from apps.conversations.models import Conversation
from apps.messages import store
from tests.browser.accessibility import findings, findings_of_colors
from tests.browser.conftest import SCREENS, Window
from tests.browser.every_page import addresses, views_without_a_page
from tests.support.admin_samples import made_admin_samples

NOW = datetime(2026, 11, 23, 15, tzinfo=UTC)
# Wide tables scroll inside the list. The <main> of the admin site can scroll, too.
TOO_WIDE = """() => Math.max(...[document.documentElement, document.querySelector('main')]
    .map(one => one.scrollWidth - one.clientWidth))"""
# The colours of links change gradually.
COLORS_ARE_THERE = """() => Promise.all(document.getAnimations().map(one => one.finished))"""

DESKTOP = [screen for screen in SCREENS if str(screen) == "desktop-light"]
pytestmark = pytest.mark.parametrize("screen", DESKTOP, ids=str)


@pytest.fixture(autouse=True)
def _samples(window: Window) -> Any:
    """Store samples of everything, and stop the clock there."""
    with time_machine.travel(NOW, tick=True):
        made_admin_samples(at=NOW)
        yield
    # axe-core tries out inline styles, which the policy of the site refuses.
    window.complaints = [one for one in window.complaints if "inline style" not in one]


def problems_of(page: Page) -> list[str]:
    """Return what is wrong with an open page in light and dark colours, and at 320 pixels."""
    found = findings(page)
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 320, "height": 640})
    page.evaluate(COLORS_ARE_THERE)
    found += [f"dark: {one}" for one in findings_of_colors(page)]
    if too_wide := page.evaluate(TOO_WIDE):
        found.append(f"{too_wide} pixels wider than 320")
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1280, "height": 900})
    return found


def test_every_page_is_accessible_and_fits_on_a_narrow_screen(window: Window) -> None:
    window.stay()
    opened = addresses()
    problems = {}
    for address in opened:
        assert window.open(address).status == 200, address
        problems[address] = problems_of(window.page)

    assert views_without_a_page(opened) == set()
    assert {address: found for address, found in problems.items() if found} == {}


def test_pages_that_follow_a_form_are_accessible(window: Window) -> None:
    def act(model: str, action: str) -> None:
        window.open(reverse(f"admin:{model}_changelist"))
        for box in page.locator(".action-select").all():
            box.check()
        page.locator("select[name=action]").select_option(action)
        page.get_by_role("button", name="Go").click()

    def discard() -> None:
        act("conversation_messages_deadletter", "discard_selected")

    def close() -> None:
        act("conversations_conversation", "close_selected")
        expect(page.locator(".messagelist li").first).to_be_visible()

    def add_nothing() -> None:
        window.open(reverse("admin:auth_user_add"))
        page.locator("[name=_save]").click()
        expect(page.locator(".errornote")).to_be_visible()

    def log_in() -> None:
        page.context.clear_cookies()
        window.open(reverse("admin:login"))
        page.get_by_label("Username").fill("operator")
        page.get_by_label("Password").fill("wrong")
        page.get_by_role("button", name="Log in").click()
        expect(page.locator(".errornote")).to_be_visible()

    def log_out() -> None:
        page.locator("#logout-form button").click()
        page.get_by_role("heading", name="Logged out").wait_for()

    page, problems = window.page, {}
    for step in (discard, close, add_nothing, log_out, log_in):
        step()
        problems[step.__name__] = problems_of(page)

    assert {name: found for name, found in problems.items() if found} == {}


def test_pages_of_errors_are_accessible(window: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(error: Exception) -> Callable[..., Any]:
        def failing(*_arguments: object, **_options: object) -> Any:
            raise error

        return failing

    chat = Conversation.objects.latest("opened_at")
    transcript = reverse("admin:conversation_messages_transcript", args=[chat.pk])
    monkeypatch.setattr(store, "batches", fail(Unavailable("DynamoDB", "ConnectTimeoutError")))
    problems = {}
    for address, status in (
        (transcript, 503),
        ("/admin/nothing/", 404),
        (reverse("admin:analytics_outboxevent_add"), 403),
        (reverse("admin:index"), 500),
    ):
        if status == 500:
            monkeypatch.setattr(AdminSite, "get_app_list", fail(LookupError("broken")))
        assert window.open(address).status == status
        problems[address] = problems_of(window.page)

    assert {address: found for address, found in problems.items() if found} == {}
    # The browser reports a page with such a status as an error.
    window.complaints = [one for one in window.complaints if not re.search("status of [45]", one)]


def test_a_status_page_reloads_itself(window: Window) -> None:
    window.page.clock.install()
    window.open(reverse("status"))

    with window.page.expect_navigation():
        window.page.clock.fast_forward("00:16")


def test_the_check_finds_an_element_without_a_name_a_faint_text_and_a_wide_page(
    window: Window,
) -> None:
    window.open(reverse("admin:index"))
    window.page.evaluate(
        "() => { document.querySelector('#content').innerHTML += "
        "`<input><p>${'x'.repeat(999)}</p><p id='faint'>faint</p>`;"
        "document.querySelector('#faint').style.color = 'light-dark(#aaa, #444)'; }"
    )

    found = problems_of(window.page)

    faint = "color-contrast (serious): #faint"
    for beginning in ("label (critical)", faint, f"dark: {faint}"):
        assert any(one.startswith(beginning) for one in found), beginning
    assert found[-1].endswith("pixels wider than 320")
