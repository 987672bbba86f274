"""The section of a version in CHANGELOG.md, in the form of Keep a Changelog."""

import re
from datetime import date

_HEADING = re.compile(r"^## \[(?P<version>[^\]]+)\](?: - (?P<date>.+))?$", re.MULTILINE)


def section(text: str, *, version: str) -> str:
    """Return the text of a version's section, without its heading. Empty if there is none."""
    headings = list(_HEADING.finditer(text))
    ends = [heading.start() for heading in headings[1:]] + [len(text)]
    for heading, end in zip(headings, ends, strict=False):
        if heading["version"] == version:
            return text[heading.end() : end].strip()
    return ""


def problems(text: str, *, version: str) -> list[str]:
    """Return a sentence for everything that a release of this version does not allow."""
    headings = list(_HEADING.finditer(text))
    found = [heading for heading in headings if heading["version"] == version]
    if len(found) != 1:
        return [f"There must be one section with the heading: ## [{version}] - YYYY-MM-DD"]
    sentences = []
    if not _is_date(found[0]["date"]):
        sentences.append(f"The section of {version} has no date: ## [{version}] - YYYY-MM-DD")
    if not section(text, version=version):
        sentences.append(f"The section of {version} is empty.")
    before = [heading["version"] for heading in headings[: headings.index(found[0])]]
    if newer := [name for name in before if name != "Unreleased"]:
        sentences.append(f"The section of {version} is not the first: {newer[0]} is before it.")
    if section(text, version="Unreleased"):
        sentences.append(f"Move what is under [Unreleased] to the section of {version}.")
    return sentences


def _is_date(text: str | None) -> bool:
    try:
        return text is not None and date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
