"""The changelog of a release has a section with a date, and nothing is left unreleased."""

import pytest

from releasing.changelog import problems, section

READY = """# Changelog

## [Unreleased]

## [1.1.0] - 2026-12-01

### Added

- A thing.

## [1.0.0] - 2026-11-01

- The first release.
"""


def test_the_section_of_a_version_is_its_text_without_the_heading() -> None:
    assert section(READY, version="1.1.0") == "### Added\n\n- A thing."
    assert section(READY, version="1.0.0") == "- The first release."
    assert section(READY, version="1.0") == ""


def test_a_dated_first_section_is_ready() -> None:
    assert problems(READY, version="1.1.0") == []


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("# Changelog\n", "There must be one section"),
        (f"{READY}\n## [1.1.0] - 2026-12-02\n\n- Again.\n", "There must be one section"),
        (READY.replace("2026-12-01", "Unreleased"), "has no date"),
        (READY.replace(" - 2026-12-01", ""), "has no date"),
        (READY.replace("2026-12-01", "2026-13-01"), "has no date"),
        (READY.replace("2026-12-01", "20261201"), "has no date"),
        (READY.replace("### Added\n\n- A thing.", ""), "is empty"),
        (READY.replace("## [Unreleased]", "## [2.0.0] - 2026-12-02"), "2.0.0 is before it"),
        (READY.replace("## [Unreleased]", "## [Unreleased]\n\n- More."), "under [Unreleased]"),
    ],
)
def test_a_section_that_is_not_ready_is_explained(text: str, sentence: str) -> None:
    (problem,) = problems(text, version="1.1.0")

    assert sentence in problem
