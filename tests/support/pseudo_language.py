"""A language for tests: every translated text stands in brackets, so that any other text is found.

It takes the place of a language that the site offers, for the catalogues of Django and of this
service alike.
"""

import re
from collections.abc import Iterable, Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from django.utils.translation import trans_real

LANGUAGE = "pt-br"
OPEN, CLOSE = "⟦", "⟧"
# Elements with texts of people and programs, which are not translated.
LITERAL = frozenset({"bdi", "code", "pre", "script", "style"})
# Choices that Django and django-celery-beat do not translate: permissions, and names of zones.
LITERAL_CHOICES = frozenset({"permissions", "timezone", "user_permissions"})
SHOWN_ATTRIBUTES = ("alt", "aria-label", "data-head", "placeholder", "title")
VOID = frozenset({"br", "hr", "img", "input", "link", "meta"})
# Ids, units, codes and names that are the same in all languages, as regular expressions.
CODES = (
    r"\b[0-9a-f-]{8,}(?:/\d+)?\b",
    r"\b(?:CSAT|CSV|NPS|UTC)\b",
    r"\b(?:\d+[dhms])+\b",
    r"\b[a-z]+(?:[._@-][a-z0-9]+)+\b",
    r"\b[A-Z]+_[A-Z_=a-z]+\b",
    r"\b[A-Z]\w+/[A-Z]\w+",
    r"(?:group:)?telegram:\d+",
    r"\{.*\}",
    r"\d{4}-\d\d-\d\dT[\d:.]+Z#",
)
# Between two texts of a page. A translated text may contain elements.
BOUNDARY = "\x1f"
WORD = re.compile(r"[^\W\d_]{2,}")
INNERMOST = re.compile(f"{OPEN}[^{OPEN}{CLOSE}]*{CLOSE}")


class _Bracketed:
    """A catalogue in which the translation of each message is the message in brackets."""

    def gettext(self, message: str) -> str:
        return f"{OPEN}{message.rpartition(trans_real.CONTEXT_SEPARATOR)[2]}{CLOSE}"

    def ngettext(self, singular: str, plural: str, number: float) -> str:
        return self.gettext(singular if number == 1 else plural)

    def language(self) -> str:
        return LANGUAGE

    def to_language(self) -> str:
        return LANGUAGE


def use_pseudo_language(monkeypatch: pytest.MonkeyPatch) -> None:
    """Show pages with the language LANGUAGE in the pseudo-language."""
    django: Any = trans_real
    monkeypatch.setitem(django._translations, LANGUAGE, _Bracketed())


def untranslated(html: str, *, stored: Iterable[str] = ()) -> Iterator[str]:
    """Yield the texts of a page that have words outside brackets.

    `stored` has regular expressions of what is stored and not translated, such as names.
    """
    reader = _Texts()
    reader.feed(html)
    known = re.compile("|".join((*stored, *CODES)))
    for text in (BOUNDARY.join(reader.texts), *reader.attributes):
        for rest in _outside_brackets(text).split(BOUNDARY):
            if WORD.search(known.sub(" ", rest)):
                yield " ".join(rest.split())


def _outside_brackets(text: str) -> str:
    while (shorter := INNERMOST.sub(" ", text)) != text:
        text = shorter
    return text


class _Texts(HTMLParser):
    """Reads the texts and the shown attributes of a page, without those of LITERAL elements."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.texts: list[str] = []
        self.attributes: list[str] = []
        self._open: list[bool] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        is_literal = self._is_literal or _is_literal(tag, given)
        if not is_literal:
            self.attributes += [given[name] for name in SHOWN_ATTRIBUTES if name in given]
            if given.get("type") in ("button", "reset", "submit"):
                self.attributes.append(given.get("value", "") if tag == "input" else "")
        if tag not in VOID:
            self._open.append(is_literal)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        if not self._is_literal:
            self.texts.append(data)

    @property
    def _is_literal(self) -> bool:
        return bool(self._open) and self._open[-1]


def _is_literal(tag: str, attributes: dict[str, str]) -> bool:
    """Return whether an element has a text that is not translated.

    Texts of people have a direction of their own, and the names of languages their language.
    """
    has_own_language = tag != "html" and bool(attributes.keys() & {"dir", "lang"})
    is_choice = tag == "select" and attributes.get("name") in LITERAL_CHOICES
    return tag in LITERAL or has_own_language or is_choice
