"""Finds the messages that the code and the templates mark for translation.

Django's makemessages runs the programs of GNU gettext, which many machines lack. Babel needs none.
"""

import re
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import django_celery_beat
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir, extract_python
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("apps", "config", "operations", "tasks")
# It has no Portuguese of its own. Of its admin pages, the service shows only the models.
BEAT = Path(django_celery_beat.__file__).parent
BEAT_METHODS = [("apps.py", "python"), ("models.py", "python")]
# The arguments that are messages. "c" marks a context; without numbers it is the first argument.
KEYWORDS: Mapping[str, Any] = {
    **dict.fromkeys(("_", "gettext", "gettext_lazy", "gettext_noop")),
    **dict.fromkeys(("ngettext", "ngettext_lazy"), (1, 2)),
    **dict.fromkeys(("pgettext", "pgettext_lazy"), ((1, "c"), 2)),
    **dict.fromkeys(("npgettext", "npgettext_lazy"), ((1, "c"), 2, 3)),
    # operations.doctor.findings.counted and apps.common.timezones
    "counted": (2, 3),
    "translate": None,
}
COMMENT_TAGS = ("Translators:",)


def extracted() -> Catalog:
    """Return all messages, without translations, with the files that they are in.

    They are in the order of the files and lines, whatever the order of a folder's files.
    """
    found = [one for folder in FOLDERS for one in _found(ROOT / folder, of=folder)]
    found += _found(BEAT, of=BEAT.name, methods=BEAT_METHODS)
    catalogue = Catalog(project="Conversation service", charset="utf-8")
    for file, _line, message, comments, context in sorted(found, key=lambda one: one[:2]):
        catalogue.add(message, locations=[(file, 0)], auto_comments=comments, context=context)
    return catalogue


def from_template(
    file: BinaryIO, keywords: Any, comment_tags: Any, options: Any
) -> Iterator[tuple[Any, ...]]:
    """Yield the messages of a Django template, in the form that Babel expects of an extractor."""
    code = templatize(file.read().decode())
    # The indentation of HTML is none of Python.
    unindented = re.sub(r"^[ \t]+", "", code, flags=re.MULTILINE)
    yield from extract_python(BytesIO(unindented.encode()), keywords, comment_tags, options)


METHODS = [("**.py", "python"), ("**/templates/**.html", from_template)]


def _found(folder: Path, *, of: str, methods: Any = METHODS) -> Iterator[tuple[Any, ...]]:
    rows = extract_from_dir(
        folder,
        methods,
        keywords=KEYWORDS,
        comment_tags=COMMENT_TAGS,
        strip_comment_tags=True,
        directory_filter=lambda path: Path(path).name not in ("migrations", "locale"),
    )
    return ((f"{of}/{file}", *rest) for file, *rest in rows)
