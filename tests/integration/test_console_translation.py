"""Every text of the console's pages and files can be translated."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import translation

from tests.support.builders import NOON
from tests.support.closings import at
from tests.support.console import made_days, made_shop
from tests.support.console_client import DRILLDOWN, FIGURES, MAY_SEE, browser, get
from tests.support.figures import answers
from tests.support.html import VOID

pytestmark = pytest.mark.django_db

# Names, units and addresses that are the same in all languages.
UNTRANSLATED = re.compile(
    r"\b(CSV|CSAT|NPS|Shop|America/Sao_Paulo|\d+[dhms]|[0-9a-f-]{36}|Ana|Bia|Caio|Davi|Eva|"
    # The labels of the model's choices, which are the same objects everywhere.
    r"Resolved|Unresolved|Unclassified|Has chat room)\b",
    re.IGNORECASE,
)
SHOWN_ATTRIBUTES = ("aria-label", "title", "placeholder", "alt")
TRANSLATED = re.compile(r"«[^«»]*»")
WORD = re.compile(r"[^\W\d_]{2,}")
PAGES = {
    "figures": (FIGURES, {}),
    "month": (FIGURES, {"first": "2025-11-01", "last": "2026-11-30"}),
    "today": (FIGURES, {"first": "2026-11-23", "last": "2026-11-23"}),
    "error": (FIGURES, {"first": "2026-11-23", "last": "2026-11-22"}),
    "projects": ("admin:analytics_console_projects", {}),
    "empty": ("admin:analytics_console_projects", {"last": "2020-01-01"}),
    "answers": (DRILLDOWN, {"of": "csat", "score": "5"}),
    "hour": (DRILLDOWN, {"of": "opened", "hour": "9"}),
    "outreach": (DRILLDOWN, {"of": "closed", "outreach": "1"}),
}
FILES = {
    "figures file": ("admin:analytics_console_csv", {"table": "figures"}),
    "csat file": ("admin:analytics_console_csv", {"table": "csat-by-time"}),
    "projects file": ("admin:analytics_console_projects_csv", {}),
}


class Content(HTMLParser):
    """Collects the texts inside the element with the id "content"."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.texts: list[str] = []
        self._depth = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect the attributes that people read or hear."""
        attributes = {name: value or "" for name, value in attrs}
        if self._depth:
            self.texts += [attributes[name] for name in SHOWN_ATTRIBUTES if name in attributes]
        if (self._depth or attributes.get("id") == "content") and tag not in VOID:
            self._depth += 1

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Ignore elements of drawings, which have no texts."""

    def handle_endtag(self, tag: str) -> None:
        """Count the open elements."""
        self._depth -= bool(self._depth)

    def handle_data(self, data: str) -> None:
        """Collect a text."""
        if self._depth:
            self.texts.append(data)


@pytest.fixture
def viewer(db: None, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """A client of a site in which each text that is looked up in a catalogue has «marks»."""
    settings.CONSOLE_ENABLED = True
    made_shop()
    made_days(9, a_day=6)
    answers([5], at=NOON)
    client = browser(*MAY_SEE)
    django: Any = translation
    monkeypatch.setattr(django._trans, "gettext", marked, raising=False)
    monkeypatch.setattr(django._trans, "ngettext", marked_plural, raising=False)
    with at(NOON):
        yield client


def marked(message: str) -> str:
    """Return a text as if it was translated."""
    return f"«{message}»" if message else ""


def marked_plural(singular: str, plural: str, number: float) -> str:
    """Return the text for a number as if it was translated."""
    return marked(singular if number == 1 else plural)


def untranslated(texts: list[str]) -> list[str]:
    """Return the texts that have words without marks."""
    found = []
    for text in texts:
        rest = UNTRANSLATED.sub("", text)
        while TRANSLATED.search(rest):
            rest = TRANSLATED.sub("", rest)
        if WORD.search(rest):
            found.append(text)
    return found


@pytest.mark.parametrize("name", PAGES)
def test_each_text_of_a_page_can_be_translated(viewer: Client, name: str) -> None:
    view, parameters = PAGES[name]

    answer = get(viewer, reverse(view), **parameters)

    assert answer.status_code == 200
    texts = Content(answer.content.decode()).texts
    assert sum("«" in text for text in texts) > 5
    assert untranslated(texts) == []


@pytest.mark.parametrize("name", FILES)
def test_each_text_of_a_file_can_be_translated(viewer: Client, name: str) -> None:
    view, parameters = FILES[name]

    answer = get(viewer, reverse(view), **parameters)

    assert answer.status_code == 200
    cells = re.split(r"[,;\r\n]", answer.content.decode("utf-8-sig"))
    assert sum("«" in cell for cell in cells) > 5
    # Commas divide some marked texts.
    assert untranslated([", ".join(cells)]) == []


def test_the_check_finds_a_text_that_cannot_be_translated() -> None:
    assert untranslated(["«%s of» days", "CSAT", "«Score «5»» 12%"]) == ["«%s of» days"]
