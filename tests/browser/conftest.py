"""Fixtures with Chromium and a site: Django's own test server with the stores of the tests.

    make test-browser

writes a screenshot of every page that a test opens to tests/browser/screenshots.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page, Response, sync_playwright
from pytest_django.live_server_helper import LiveServer

from tests.browser.chromium import HOW_TO_INSTALL, chromium

# Playwright's synchronous interface runs an event loop in this thread, in which Django would refuse
# to use the database (Django documentation, "Asynchronous support").
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

SCREENSHOTS = Path(__file__).parent / "screenshots"
TIMEOUT_MILLISECONDS = 10_000
# Chromium has no sandbox when it runs as root. The other options stop requests to Google's servers.
OPTIONS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@dataclass(frozen=True)
class Screen:
    """A screen: its size in CSS pixels, and the preferred colour scheme."""

    name: str
    width: int
    height: int
    colors: str

    def __str__(self) -> str:
        return f"{self.name}-{self.colors}"


SCREENS = [
    Screen(name, width, height, colors)
    for name, width, height in (("phone", 360, 740), ("desktop", 1280, 900))
    for colors in ("light", "dark")
]


@dataclass
class Window:
    """A page of the site, with all its errors and warnings."""

    page: Page
    url: str
    screen: Screen
    complaints: list[str] = field(default_factory=list)

    def open(self, path: str) -> Response:
        """Open a page of the site."""
        response = self.page.goto(f"{self.url}{path}")
        assert response
        return response

    def stay(self) -> None:
        """Stop pages from reloading themselves, so that a slow check looks at one page only."""
        self.page.route(
            "**/console/refresh.js",
            lambda route: route.fulfill(content_type="text/javascript", body=""),
        )

    def shoot(self, name: str) -> None:
        """Save a screenshot of the whole page."""
        self.page.screenshot(path=self.picture(name), full_page=True)

    def picture(self, name: str) -> Path:
        """Return the path of a screenshot."""
        SCREENSHOTS.mkdir(exist_ok=True)
        return SCREENSHOTS / f"{name}-{self.screen}.png"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the folder of the screenshots."""
    if SCREENSHOTS.exists():
        terminalreporter.write_line(f"Screenshots: {SCREENSHOTS}")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A Chromium that all tests share."""
    path = chromium()
    if not path:
        pytest.exit(HOW_TO_INSTALL, returncode=1)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(OPTIONS))
        yield browser
        browser.close()


@pytest.fixture
def site(transactional_db: None, aws: None, settings: Any) -> Iterator[LiveServer]:
    """The service's site on 127.0.0.1, with static files and the console, and without TLS."""
    settings.CONSOLE_ENABLED = True
    settings.SECURE_SSL_REDIRECT = False
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = False
    settings.ALLOWED_HOSTS = ["127.0.0.1"]
    server = LiveServer("127.0.0.1")
    yield server
    server.stop()


@pytest.fixture(params=SCREENS, ids=str)
def screen(request: pytest.FixtureRequest) -> Screen:
    """The screen of a test. A test that does not choose one runs with each."""
    screen: Screen = request.param
    return screen


@pytest.fixture
def window(browser: Browser, site: LiveServer, screen: Screen) -> Iterator[Window]:
    """A window in which an operator has signed in. Errors and warnings fail the test."""
    context = browser.new_context(
        viewport={"width": screen.width, "height": screen.height},
        color_scheme="dark" if screen.colors == "dark" else "light",
        device_scale_factor=2,
        has_touch=screen.name == "phone",
    )
    _sign_in(context, site)
    context.set_default_timeout(TIMEOUT_MILLISECONDS)
    window = Window(page=context.new_page(), url=site.url, screen=screen)
    _listen(window)
    yield window
    context.close()
    assert window.complaints == []


def _sign_in(context: BrowserContext, site: LiveServer) -> None:
    client = Client()
    client.force_login(User.objects.create_superuser("operator"))
    cookie = client.cookies["sessionid"]
    context.add_cookies([{"name": "sessionid", "value": cookie.value, "url": site.url}])


def _listen(window: Window) -> None:
    def is_complaint(kind: str) -> bool:
        return kind in ("error", "warning")

    page, complaints = window.page, window.complaints
    page.on(
        "console",
        lambda message: complaints.append(message.text) if is_complaint(message.type) else None,
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("requestfailed", lambda request: complaints.append(f"failed: {request.url}"))
    page.on(
        "request",
        lambda request: (
            None
            if request.url.startswith((window.url, "data:"))
            else complaints.append(f"elsewhere: {request.url}")
        ),
    )
