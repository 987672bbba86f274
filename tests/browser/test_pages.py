"""The console works on a phone and on a desktop, in light and in dark colours."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest
import time_machine
from django.urls import reverse

from apps.conversations.models import Conversation
from apps.conversations.project_models import Project
from tests.browser.conftest import SCREENS, Window
from tests.browser.contrast import too_faint
from tests.support.builders import deletion_body, deliver_bodies, message_body, status_body
from tests.support.console import ARABIC, made_chat, made_days, made_shop
from tests.support.figures import answers, closed, made_project

MONTH = {"first": "2026-10-25", "last": "2026-11-23"}
AFTERNOON = datetime(2026, 11, 23, 15, tzinfo=UTC)
EVENING = datetime(2026, 11, 23, 20, tzinfo=UTC)
FIGURES, PROJECTS, DRILLDOWN = "figures", "projects", "drilldown"
TRANSCRIPT, STATUS = "transcript", "status"

DESKTOPS = [screen for screen in SCREENS if screen.name == "desktop"]

# Content that is too wide makes a phone scroll sideways. The admin's <main> scrolls.
OVERFLOW = """() => Math.max(...[document.documentElement, document.querySelector('main')]
    .map(one => one.scrollWidth - one.clientWidth))"""
NAMELESS = """() => [...document.querySelectorAll(
        'a, button, input:not([type=hidden]), select, summary, [role=group], [role=region]')]
    .filter(one => {
        const labelled = (one.getAttribute('aria-labelledby') || '').split(' ').filter(Boolean)
            .map(id => document.getElementById(id)?.textContent || '').join('');
        const label = one.labels?.length ? one.labels[0].textContent : '';
        return !(one.getAttribute('aria-label') || labelled || label || one.textContent).trim();
    }).map(one => one.outerHTML)"""
HEADINGS = """() => [...document.querySelectorAll('#content h1, #content h2, #content h3')]
    .map(one => Number(one.tagName[1]))"""
TEXT_SIZES = """() => [...document.querySelectorAll('figure svg text')].map(one =>
    one.getBoundingClientRect().height)"""
CUT_OFF = """() => [...document.querySelectorAll('figure > svg[role=group]')].flatMap(svg => {
    const box = svg.getBoundingClientRect();
    return [...svg.querySelectorAll('text, .console-bar')].filter(one => {
        const inner = one.getBoundingClientRect();
        return inner.left < box.left - 1 || inner.right > box.right + 1
            || inner.top < box.top - 1 || inner.bottom > box.bottom + 1;
    }).map(one => one.outerHTML);
})"""


def address(name: str, chat: Conversation) -> str:
    """Return the address of a page, for the shop's month."""
    days = "&".join(f"{field}={value}" for field, value in MONTH.items())
    return {
        FIGURES: f"{reverse('admin:analytics_console')}?{days}",
        PROJECTS: f"{reverse('admin:analytics_console_projects')}?{days}",
        DRILLDOWN: f"{reverse('admin:analytics_console_drilldown')}?{days}&of=csat&score=5",
        TRANSCRIPT: reverse("admin:conversation_messages_transcript", args=[chat.uuid]),
        STATUS: reverse("status"),
    }[name]


@pytest.fixture
def chat(site: object) -> Conversation:
    """Store a month of a shop, and a conversation with everything that a transcript can show."""
    made_shop()
    made_days(30, a_day=6)
    return made_chat(at=AFTERNOON)


@pytest.fixture
def open_chat(site: object, settings: Any) -> Conversation:
    """Store a conversation in progress with a deletion, reactions and delivery statuses."""
    settings.KEEPS_MESSAGE_STATUSES = True
    made_shop()
    sent = {"event_type": "message.sent"}
    messages: list[dict[str, Any]] = [
        {"message": {"id": "m-1", "text": "Where is my order?"}},
        {"message": {"id": "m-2", "text": "It will be there on Friday."}, **sent},
        {"message": {"id": "m-3", "text": "My card number is no secret here."}},
        {"message": {"id": "m-4", "reaction": {"message_id": "m-2", "emoji": "❤️"}, "text": ""}},
        {"message": {"id": "m-5", "text": "Anything else?"}, **sent},
    ]
    statuses = [("m-2", "delivered"), ("m-2", "read"), ("m-5", "failed")]
    deliver_bodies(
        bodies=[
            *(message_body(**message) for message in messages),
            deletion_body(message_id="m-3"),
            *(status_body(message_id=of, status=status) for of, status in statuses),
        ],
        sent_at=AFTERNOON,
    )
    return Conversation.objects.get()


def test_a_transcript_in_progress_shows_statuses_a_deletion_and_a_reaction(
    window: Window, open_chat: Conversation
) -> None:
    window.open(address(TRANSCRIPT, open_chat))

    window.shoot("transcript-in-progress")
    bubbles = [bubble.inner_text() for bubble in window.page.locator(".console-bubble").all()]
    assert len(bubbles) == 4
    assert "read" in bubbles[1]
    assert "❤️" in bubbles[1]
    assert "Deleted by its author on" in bubbles[2]
    assert "failed" in bubbles[3]
    assert window.page.evaluate(OVERFLOW) <= 0
    assert too_faint(window.page) == []


@pytest.mark.parametrize("name", [FIGURES, PROJECTS, DRILLDOWN, TRANSCRIPT, STATUS])
def test_a_page_is_legible_and_causes_no_browser_warnings(
    window: Window, chat: Conversation, name: str
) -> None:
    response = window.open(address(name, chat))

    assert response.status == 200
    assert "default-src 'none'" in response.headers["content-security-policy"]
    window.shoot(name)
    assert window.page.evaluate(OVERFLOW) <= 0
    assert window.page.evaluate(NAMELESS) == []
    assert window.page.evaluate(CUT_OFF) == []
    assert all(height >= 11 for height in window.page.evaluate(TEXT_SIZES))
    assert too_faint(window.page) == []
    levels = window.page.evaluate(HEADINGS)
    assert [levels[0], levels.count(1)] == [1, 1]
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_a_page_with_all_sections_open_fits_the_screen(window: Window, chat: Conversation) -> None:
    for name in (FIGURES, PROJECTS, TRANSCRIPT):
        window.open(address(name, chat))
        for summary in window.page.locator("#content summary").all():
            summary.click()
        window.shoot(f"{name}-unfolded")
        assert window.page.evaluate(OVERFLOW) <= 0
        assert too_faint(window.page) == []


@pytest.mark.parametrize("screen", SCREENS[:1], ids=str)
def test_a_page_fits_a_screen_of_320_pixels(window: Window, chat: Conversation) -> None:
    Project.objects.filter(pk=chat.project_id).update(name="Padaria-sem-espaço-" * 9)
    window.page.set_viewport_size({"width": 320, "height": 640})

    for name in (FIGURES, PROJECTS, DRILLDOWN):
        window.open(address(name, chat) + f"&project={chat.project_id}")
        for summary in window.page.locator("#content summary").all():
            summary.click()
        window.shoot(f"{name}-320")
        assert window.page.evaluate(OVERFLOW) <= 0


def test_at_20_utc_the_last_days_include_the_local_today_of_every_project(window: Window) -> None:
    """It is tomorrow in Kolkata and Auckland then."""
    for number, zone in enumerate(("Asia/Kolkata", "America/Sao_Paulo", "Pacific/Auckland")):
        project = made_project(uuid=UUID(int=number + 1), timezone=zone)
        Project.objects.filter(pk=project.pk).update(name=zone.partition("/")[2])
        for minutes in range(5, 5 + 2 * number + 1):
            at = EVENING - timedelta(minutes=minutes)
            one = closed(at, project=project.uuid, contact_wrote=True, opened_at=at)
            answers([5 - number], at=at, project=project.uuid, conversation=one)

    with time_machine.travel(EVENING):
        window.open(reverse("admin:analytics_console"))
        window.shoot("evening-in-utc")

    page = window.page
    assert page.get_by_role("heading", name="18 Nov 2026 to 24 Nov 2026").is_visible()
    cards = {
        card.locator("dt").inner_text(): card.locator(".console-value").inner_text()
        for card in page.locator(".console-card").all()
    }
    assert cards["Closed"] == "9"
    assert page.evaluate(OVERFLOW) <= 0


def test_a_page_without_data_is_complete(window: Window) -> None:
    window.open(reverse("admin:analytics_console"))

    window.shoot("empty")
    assert window.page.get_by_text("No data in this period.").count() == 6
    assert window.page.evaluate(OVERFLOW) <= 0


def test_bars_can_be_focused_with_the_keyboard_and_show_the_focus(
    window: Window, chat: Conversation
) -> None:
    window.open(address(FIGURES, chat))
    page = window.page
    page.get_by_role("link", name="Last 30 days").focus()
    first_bar = page.locator(".console-link").first

    tab_until(window, lambda: first_bar.evaluate("one => one === document.activeElement"))

    stroke = first_bar.locator(".console-area").evaluate("one => getComputedStyle(one).strokeWidth")
    assert float(stroke.removesuffix("px")) >= 2
    first_bar.scroll_into_view_if_needed()
    page.screenshot(path=window.picture("focus"))
    page.keyboard.press("Enter")
    page.wait_for_url("**/console/drilldown/**")
    assert page.get_by_role("heading", level=1).inner_text() == "CSAT answers"


def tab_until(window: Window, is_there: Callable[[], bool]) -> None:
    """Press Tab until the element has the focus. Fails after sixty times."""
    for _ in range(60):
        window.page.keyboard.press("Tab")
        if is_there():
            return
    raise AssertionError("The element did not get the focus after pressing Tab sixty times.")


@pytest.mark.parametrize("screen", SCREENS[:1], ids=str)
def test_the_bars_of_a_chart_can_be_skipped(window: Window, chat: Conversation) -> None:
    window.open(address(FIGURES, chat))
    page = window.page
    skip = page.get_by_role("link", name="Skip the bars of CSAT by day")

    skip.focus()
    assert skip.is_visible()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")

    focused = page.evaluate("() => document.activeElement.closest('details')?.id")
    assert focused == "csat-by-time-numbers"


def test_a_bar_links_to_its_conversations_and_they_link_to_their_transcripts(
    window: Window, chat: Conversation
) -> None:
    window.open(address(FIGURES, chat))
    page = window.page

    page.get_by_role("link", name=re.compile(r"^23 Nov 2026.*: .*, resolved$")).click()
    page.wait_for_url("**/console/drilldown/**")
    page.locator(f"a[href*='{chat.uuid}']").click()
    page.wait_for_url("**/transcript/**")

    assert page.locator(".console-bubble").count() == 23
    contact, platform = (
        page.locator(f".console-of-{side}").first.bounding_box() for side in ("contact", "platform")
    )
    assert contact
    assert platform
    assert contact["x"] < platform["x"]
    arabic = page.locator(".console-text", has_text=ARABIC)
    assert arabic.evaluate("one => getComputedStyle(one).direction") == "rtl"


@pytest.mark.parametrize("screen", SCREENS[:1], ids=str)
def test_another_period_can_be_selected(window: Window, chat: Conversation) -> None:
    window.open(address(FIGURES, chat))
    page = window.page

    page.get_by_label("Project:").select_option(label="Shop")
    page.get_by_label("From:").fill("2026-11-22")
    page.get_by_role("button", name="Show").click()

    page.get_by_role("heading", name="22 Nov 2026 to 23 Nov 2026").wait_for()
    assert page.locator("#csat-by-time .console-link").count() == 2


@pytest.mark.parametrize("screen", SCREENS[:1], ids=str)
def test_the_table_of_a_chart_can_be_downloaded(window: Window, chat: Conversation) -> None:
    window.open(address(FIGURES, chat))

    with window.page.expect_download() as started:
        window.page.get_by_role("link", name="CSV CSAT by day").click()

    assert started.value.suggested_filename == "csat-by-day_all-projects_2026-10-25_2026-11-23.csv"
    lines = started.value.path().read_text("utf-8-sig").splitlines()
    assert len(lines) == 31
    # The browser calls a download an interrupted request.
    window.complaints = [one for one in window.complaints if "/console/csv/" not in one]


def test_a_day_that_is_not_over_is_in_a_dashed_frame(window: Window, chat: Conversation) -> None:
    with time_machine.travel(AFTERNOON):
        window.open(f"{address(FIGURES, chat)}&project={chat.project_id}")
        window.shoot("not-over")

    page = window.page
    frames = page.locator("#csat-by-time svg[role=group] .console-unfinished")
    assert frames.count() == 1
    assert frames.evaluate("one => getComputedStyle(one).strokeDasharray") != "none"
    assert page.get_by_text("23 Nov 2026 is not over yet: it is 12:00.").is_visible()
    assert page.evaluate(OVERFLOW) <= 0
    assert too_faint(page) == []


def test_projects_can_be_chosen_and_ordered(window: Window, chat: Conversation) -> None:
    for number, name in enumerate(("Cinema", "Hotel")):
        other = made_project(uuid=UUID(int=number + 1), timezone="UTC")
        Project.objects.filter(pk=other.pk).update(name=name)
    window.open(address(PROJECTS, chat))
    page = window.page
    rows = page.locator("#projects tbody th")
    assert rows.all_inner_texts() == ["Shop"]

    page.get_by_text("All projects", exact=True).click()
    for name in ("Hotel", "Shop"):
        page.get_by_label(name).check()
    page.get_by_role("button", name="Show").click()
    page.get_by_text("2 projects chosen").wait_for()
    assert rows.all_inner_texts() == ["Hotel", "Shop"]
    page.get_by_role("link", name="Opened").click()
    page.wait_for_url("**sort=-opened**")

    assert rows.all_inner_texts() == ["Shop", "Hotel"]
    page.locator("#content summary").click()
    window.shoot("projects-chosen")
    assert page.evaluate(OVERFLOW) <= 0
    assert too_faint(page) == []


@pytest.mark.parametrize("screen", SCREENS[:1], ids=str)
def test_a_channel_can_be_selected(window: Window, chat: Conversation) -> None:
    window.open(f"{address(FIGURES, chat)}&project={chat.project_id}")
    page = window.page

    page.get_by_label("Channel:").select_option(str(chat.channel_uuid))
    page.get_by_role("button", name="Show").click()

    page.wait_for_url(f"**channel={chat.channel_uuid}**")
    assert page.get_by_label("Channel:").input_value() == str(chat.channel_uuid)


@pytest.mark.parametrize("screen", DESKTOPS, ids=str)
def test_the_theme_switch_of_the_admin_changes_the_colors(
    window: Window, chat: Conversation
) -> None:
    window.open(address(FIGURES, chat))
    page = window.page
    background = "() => getComputedStyle(document.querySelector('.console-card')).backgroundColor"
    preferred = page.evaluate(background)

    page.locator(".theme-toggle").click()
    # The colours of links change gradually.
    page.wait_for_timeout(400)

    assert page.evaluate(background) != preferred
    assert too_faint(page) == []


@pytest.mark.parametrize("screen", SCREENS[:1], ids=str)
def test_the_checks_detect_a_browser_warning_and_a_page_that_is_too_wide(
    window: Window, chat: Conversation
) -> None:
    window.open(address(FIGURES, chat))
    page = window.page

    page.evaluate(
        "() => { document.querySelector('#content').innerHTML += "
        "'<p style=\"color: red\">x</p><b>' + 'x'.repeat(999) + '</b>'; }"
    )

    page.wait_for_timeout(100)
    assert page.evaluate(OVERFLOW) > 0
    assert any("Content Security Policy" in one for one in window.complaints)
    window.complaints.clear()
