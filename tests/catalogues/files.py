"""The catalogues of translations: text files that people edit, and their compiled forms."""

import re
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from tests.catalogues.extracting import ROOT

LOCALES = ("pt_BR", "es")
_NO_DATE = datetime(2026, 1, 1, tzinfo=UTC)
# Headers of Babel with dates, versions and nobody's names: they would change with every update.
_IDLE_HEADERS = re.compile(
    r'^"(?:POT-Creation-Date|PO-Revision-Date|Last-Translator|Language-Team|Report-Msgid-Bugs-To|'
    r"Generated-By):.*\n",
    re.MULTILINE,
)


def path_of(locale: str, *, suffix: str) -> Path:
    """Return the path of a catalogue: of its text (".po") or of its compiled form (".mo")."""
    path = ROOT / "config" / "locale" / locale / "LC_MESSAGES" / "django"
    return path.with_suffix(suffix)


def read(locale: str) -> Catalog:
    """Return the catalogue of a locale."""
    with path_of(locale, suffix=".po").open("rb") as file:
        catalogue = read_po(file, locale=locale)
    # Babel would take the current time, so that no two compiled files were alike.
    catalogue.creation_date = catalogue.revision_date = _NO_DATE
    return catalogue


def update(locale: str, *, messages: Catalog) -> Catalog:
    """Give a catalogue exactly these messages, and write it in both forms. Return it.

    New messages have no translation: a guess from a similar one would go unnoticed.
    """
    catalogue = read(locale)
    catalogue.update(messages, no_fuzzy_matching=True, update_creation_date=False)
    path_of(locale, suffix=".po").write_text(as_text(catalogue), encoding="utf-8")
    path_of(locale, suffix=".mo").write_bytes(compiled(locale))
    return catalogue


def as_text(catalogue: Catalog) -> str:
    """Return the text of a catalogue in the order of the code, without numbers of lines."""
    file = BytesIO()
    write_po(
        file, catalogue, width=100, include_lineno=False, ignore_obsolete=True, sort_by_file=True
    )
    return _IDLE_HEADERS.sub("", file.getvalue().decode())


def compiled(locale: str) -> bytes:
    """Return the compiled form of a catalogue."""
    file = BytesIO()
    write_mo(file, read(locale))
    return file.getvalue()


def is_translated(message: Message) -> bool:
    """Return whether a message has a translation in each of its forms, and none is a guess."""
    return bool(message.string) and all(forms_of(message.string)) and not message.fuzzy


def forms_of(texts: Any) -> tuple[str, ...]:
    """Return the texts of a message or its translation: one, or the singular and the plural."""
    return (texts,) if isinstance(texts, str) else tuple(texts or ())
