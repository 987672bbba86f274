"""The catalogues have a translation of every message in the code, with the same placeholders."""

import ast
import re
from collections.abc import Iterator
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import read_mo

from config.settings import INSTALLED_APPS
from tests.catalogues.extracting import FOLDERS, KEYWORDS, ROOT, extracted, from_template
from tests.catalogues.files import (
    LOCALES,
    as_text,
    compiled,
    forms_of,
    is_translated,
    path_of,
    read,
)

PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%[sd]|\{\w*\}|<[^>]+>|`[^`]+`")
REMEDY = "Run: make messages"
SOURCES = sorted(
    path.relative_to(ROOT) for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")
)


@pytest.fixture(scope="module")
def messages() -> Catalog:
    """Return the messages that the code and the templates have now."""
    return extracted()


@pytest.fixture(params=LOCALES)
def catalogue(request: pytest.FixtureRequest) -> Catalog:
    """Return each catalogue."""
    return read(request.param)


def ids(catalogue: Catalog) -> set[tuple[str | None, object]]:
    """Return the messages of a catalogue, with their contexts."""
    return {(one.context, forms_of(one.id)) for one in catalogue if one.id}


def forms(message: Message) -> Iterator[tuple[str, str]]:
    """Yield each translation of a message, with the text that has all its placeholders."""
    for translation in forms_of(message.string):
        yield forms_of(message.id)[-1], translation


def test_each_catalogue_has_exactly_the_messages_of_the_code(
    catalogue: Catalog, messages: Catalog
) -> None:
    assert ids(messages) - ids(catalogue) == set(), REMEDY
    assert ids(catalogue) - ids(messages) == set(), REMEDY


@pytest.mark.parametrize("file", SOURCES, ids=str)
def test_no_message_is_in_an_f_string(file: Path) -> None:
    """Before Python 3.12, Babel does not find it there, so it would stay untranslated."""
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    calls = [
        call
        for text in ast.walk(tree)
        if isinstance(text, ast.JoinedStr)
        for call in ast.walk(text)
        if isinstance(call, ast.Call) and any(isinstance(one, ast.Constant) for one in call.args)
    ]

    assert [ast.unparse(one) for one in calls if ast.unparse(one.func) in KEYWORDS] == []


def test_every_message_is_translated(catalogue: Catalog) -> None:
    assert [one.id for one in catalogue if one.id and not is_translated(one)] == []


def test_a_translation_has_the_placeholders_and_tags_of_its_message(catalogue: Catalog) -> None:
    assert [error for one in catalogue for error in one.check(catalogue)] == []
    for message in catalogue:
        for original, translation in forms(message) if message.id else ():
            found = sorted(PLACEHOLDER.findall(translation))
            assert found == sorted(PLACEHOLDER.findall(original)), translation


def test_a_translation_begins_and_ends_like_its_message(catalogue: Catalog) -> None:
    for message in catalogue:
        for original, translation in forms(message) if message.id else ():
            assert (original[0] == " ") == (translation[0] == " "), translation
            assert original.endswith(".") == translation.endswith("."), translation


@pytest.mark.parametrize("locale", LOCALES)
def test_the_compiled_file_is_that_of_the_text(locale: str) -> None:
    stored = path_of(locale, suffix=".mo").read_bytes()

    assert stored == compiled(locale), REMEDY
    assert path_of(locale, suffix=".po").read_text(encoding="utf-8") == as_text(read(locale))


def of_django(locale: str) -> Iterator[Message]:
    """Yield the messages of Django and of its installed apps, with their translations."""
    names = ["django.conf", *(app for app in INSTALLED_APPS if app.startswith("django."))]
    for name in names:
        path = files(name) / "locale" / locale / "LC_MESSAGES" / "django.mo"
        if path.is_file():
            with path.open("rb") as file:
                yield from (message for message in read_mo(file) if message.id)


@pytest.mark.parametrize("locale", LOCALES)
def test_no_translation_changes_a_text_of_django(locale: str) -> None:
    """A message without a context replaces Django's everywhere: give it one if it differs."""
    ours = {(one.context, forms_of(one.id)): one.string for one in read(locale) if one.id}

    theirs = list(of_django(locale))
    changed = [
        (one.id, one.string, ours[key])
        for one in theirs
        if (key := (one.context, forms_of(one.id))) in ours and not are_alike(one, ours[key])
    ]

    assert len(theirs) > 500
    assert changed == []


def are_alike(message: Message, string: Any) -> bool:
    """Return whether a translation is that of the message, up to blanks around it."""
    return [one.strip() for one in forms_of(message.string)] == [
        one.strip() for one in forms_of(string)
    ]


def test_messages_of_templates_are_found() -> None:
    template = (
        b'<p title="{% translate "Title" %}">\n'
        b"  {% blocktranslate count number=rows %}{{ number }} row{% plural %}{{ number }} rows"
        b"{% endblocktranslate %}</p>\n"
        b'{% if a %}\n    {% translate "To" context "reply" %}\n'
        b'  {{ b|default:_("None") }}{% endif %}'
    )
    keywords = {"gettext": None, "ngettext": (1, 2), "pgettext": ((1, "c"), 2), "_": None}

    found = [row[2] for row in from_template(BytesIO(template), keywords, (), {})]

    assert found == ["Title", ("%(number)s row", "%(number)s rows", None), ("reply", "To"), "None"]
