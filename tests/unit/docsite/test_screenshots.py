"""Pages show the screenshots that were made, and are complete without them."""

import re
from pathlib import Path

import pytest

from docsite.screenshots import COLORS, SHOWN, with_screenshots
from tests.support.pages import page

TEXT = "# The admin site\n\n## The status\n\nStaff see it.\n\n## Dead letters\n\nA list.\n"


def made(folder: Path, name: str) -> Path:
    """Write a screenshot in both colour schemes."""
    for colors in COLORS:
        (folder / f"{name}-desktop-{colors}.png").touch()
    return folder


def test_a_screenshot_stands_below_its_heading_in_both_colour_schemes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SHOWN, "docs/admin", {"The status": "status"})

    text = with_screenshots(TEXT, page="docs/admin", folder=made(tmp_path, "status"))

    before, _, after = text.partition("Staff see it.")
    assert before.index("## The status") < before.index("status-desktop-light.png")
    assert ":class: screenshot only-dark" in before
    assert after == TEXT.partition("Staff see it.")[2]


def test_a_page_is_unchanged_if_no_screenshots_were_made(tmp_path: Path) -> None:
    assert with_screenshots(TEXT, page="docs/admin", folder=tmp_path / "screenshots") == TEXT


def test_other_pages_are_unchanged(tmp_path: Path) -> None:
    assert with_screenshots(TEXT, page="docs/other", folder=made(tmp_path, "status")) == TEXT


def test_a_screenshot_that_is_missing_among_others_is_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SHOWN, "docs/admin", {"The status": "status"})

    with_screenshots(TEXT, page="docs/admin", folder=made(tmp_path, "figures"))

    assert [record.getMessage() for record in caplog.records] == [
        f"There is no screenshot status-desktop-{colors}.png: run make docs-screenshots."
        for colors in COLORS
    ]


@pytest.mark.parametrize("name", SHOWN)
def test_every_heading_with_a_screenshot_exists(name: str) -> None:
    headings = re.findall(r"^##+ (.+)$", page(f"{name}.md"), flags=re.MULTILINE)

    assert SHOWN[name].keys() <= set(headings)
