"""The runbook has a chapter for each drill, and names no other drills."""

import re

import pytest

from testbed.drills.catalogue import DRILLS
from testbed.drills.drill import Drill
from tests.support.pages import page, table_of

SECTION = "Outages that you can rehearse"


def chapters() -> dict[str, str]:
    """Return the chapters of the runbook's section about drills, by their headings."""
    (section,) = re.findall(
        rf"^## {SECTION}\n(.*?)(?=^## )", page("docs/runbook.md"), flags=re.MULTILINE | re.DOTALL
    )
    _introduction, *parts = re.split(r"^### ", section, flags=re.MULTILINE)
    return {heading: text for heading, _, text in (part.partition("\n") for part in parts)}


def test_the_chapters_are_those_of_the_drills() -> None:
    assert list(chapters()) == [drill.chapter for drill in DRILLS]


@pytest.mark.parametrize("drill", DRILLS, ids=lambda drill: drill.name)
def test_a_chapter_says_how_to_run_its_drill_and_what_one_sees(drill: Drill) -> None:
    text = chapters()[drill.chapter]

    assert re.findall(r"make drill DRILL=([a-z-]+)", text) == [drill.name]
    assert "```text\n" in text


def test_the_table_lists_every_drill_with_its_length_and_chapter() -> None:
    rows = table_of(page("docs/runbook.md"), head="drill")

    assert [[name, length, chapter] for name, _what, length, chapter in rows] == [
        [
            f"`{drill.name}`",
            f"{drill.seconds} s",
            f"[{drill.chapter}](#{drill.chapter.lower().replace(' ', '-')})",
        ]
        for drill in DRILLS
    ]


def test_no_page_names_a_drill_that_does_not_exist() -> None:
    names = {drill.name for drill in DRILLS}

    for name in ("README.md", "CONTRIBUTING.md", "docs/runbook.md"):
        assert set(re.findall(r"DRILL=([a-z-]+)", page(name))) <= names
