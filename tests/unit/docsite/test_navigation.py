"""The navigation of the site has every page of the documentation once."""

from collections.abc import Iterator
from typing import Any

import yaml

from tests.support.pages import PAGES, ROOT

NAVIGATION = ROOT / "docsite" / "navigation.yml"


def pages_of(entry: dict[str, Any]) -> Iterator[str]:
    """Yield the pages of an entry of the navigation, and of those below it."""
    if "glob" in entry:
        yield from (path.relative_to(ROOT).as_posix() for path in ROOT.glob(f"{entry['glob']}.md"))
    else:
        yield f"{entry['file']}.md"
    for below in entry.get("entries", ()):
        yield from pages_of(below)


def test_the_navigation_has_every_page_once() -> None:
    navigation = yaml.safe_load(NAVIGATION.read_text(encoding="utf-8"))
    listed = [f"{navigation['root']}.md"]
    for part in navigation["subtrees"]:
        for entry in part["entries"]:
            listed.extend(pages_of(entry))

    assert sorted(listed) == sorted(path.relative_to(ROOT).as_posix() for path in PAGES)


def test_the_parts_are_those_of_the_start_page() -> None:
    navigation = yaml.safe_load(NAVIGATION.read_text(encoding="utf-8"))
    captions = [part["caption"] for part in navigation["subtrees"]]
    start = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")

    headings = [line.removeprefix("## ") for line in start.splitlines() if line.startswith("## ")]
    assert captions[1:-1] == headings[: len(captions) - 2]
