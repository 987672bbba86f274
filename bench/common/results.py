"""Writes results: to a folder that git ignores or, with PUBLISH=1, to the documentation."""

import os
from pathlib import Path

PROJECT_ROOT = Path(__file__).resolve().parents[2]
DOCS = PROJECT_ROOT / "docs"
IGNORED = PROJECT_ROOT / "results"


def folder() -> Path:
    """Return the folder for results. Both folders have the same layout."""
    return DOCS if os.environ.get("PUBLISH") == "1" else IGNORED


def json_path(*, into: Path, name: str) -> Path:
    """Return the path of a result's JSON file."""
    return into / "results" / f"{name}.json"


def write(*, name: str, document: str, page: str) -> Path:
    """Write a result as JSON and as a page, and return the page's path."""
    into = folder()
    page_path = into / f"{name}.md"
    for path, content in ((json_path(into=into, name=name), document), (page_path, page)):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return page_path.relative_to(PROJECT_ROOT)
