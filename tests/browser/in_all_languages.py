"""Saves screenshots of the main pages in all languages, sizes and colours, for people to look at.

    make screenshots

Chromium's own warnings and pages that are too wide fail, too.
"""

import pytest
import time_machine
from django.conf import settings
from django.urls import reverse

from apps.conversations.models import EarlierClosing
from apps.messages.models import DeadLetter
from tests.browser.conftest import SCREENS, SCREENSHOTS, Window
from tests.browser.test_accessibility import NOW, TOO_WIDE
from tests.browser.test_admin_lists import LISTS
from tests.support.admin_samples import made_admin_samples
from tests.support.console import made_days

MONTH = "first=2026-10-25&last=2026-11-23"


def pages() -> dict[str, str]:
    """Return the name and the address of each page."""
    reopened = EarlierClosing.objects.get().conversation_id
    letter = DeadLetter.objects.latest("pk")
    return {
        "start": reverse("admin:index"),
        "status": reverse("status"),
        "figures": f"{reverse('admin:analytics_console')}?{MONTH}",
        "projects": f"{reverse('admin:analytics_console_projects')}?{MONTH}",
        "drilldown": f"{reverse('admin:analytics_console_drilldown')}?{MONTH}&of=csat&score=5",
        "transcript": reverse("admin:conversation_messages_transcript", args=[reopened]),
        "conversation": reverse("admin:conversations_conversation_change", args=[reopened]),
        "letter": reverse("admin:conversation_messages_deadletter_change", args=[letter.pk]),
        **{f"list-{name}": reverse(f"admin:{name}_changelist") for name in LISTS},
    }


@pytest.mark.parametrize("screen", SCREENS[:1], ids=str)
@pytest.mark.parametrize("language", [code for code, _ in settings.LANGUAGES])
def test_pages_fit_on_every_screen(window: Window, language: str) -> None:
    folder, page = SCREENSHOTS / language, window.page
    folder.mkdir(parents=True, exist_ok=True)
    page.context.add_cookies(
        [{"name": settings.LANGUAGE_COOKIE_NAME, "value": language, "url": window.url}]
    )
    window.stay()
    too_wide = {}
    with time_machine.travel(NOW, tick=True):
        made_admin_samples(at=NOW)
        made_days(30, a_day=6)
        for name, address in pages().items():
            assert window.open(address).status == 200
            assert page.locator("html").get_attribute("lang") == language
            for screen in SCREENS:
                page.set_viewport_size({"width": screen.width, "height": screen.height})
                page.emulate_media(color_scheme="dark" if screen.colors == "dark" else "light")
                page.screenshot(
                    path=folder / f"{name}-{screen}.png",
                    full_page=True,
                    scale="css",
                    animations="disabled",
                )
                too_wide[name, str(screen)] = page.evaluate(TOO_WIDE)

    assert {where: width for where, width in too_wide.items() if width} == {}
