"""A site that would load anything from another host is not published."""

from pathlib import Path

import pytest

from docsite.resources import loaded_from_elsewhere


def site_with(folder: Path, body: str) -> Path:
    """Write a site with one page."""
    (folder / "docs").mkdir()
    (folder / "docs" / "page.html").write_text(f"<html><body>{body}</body></html>")
    return folder


@pytest.mark.parametrize(
    ("tag", "address"),
    [
        (
            '<script src="https://cdn.example/mermaid.js"></script>',
            "https://cdn.example/mermaid.js",
        ),
        ('<link rel="stylesheet" href="//fonts.example/a.css">', "//fonts.example/a.css"),
        ('<img alt="" src="http://images.example/a.png">', "http://images.example/a.png"),
    ],
)
def test_what_a_page_loads_from_another_host_is_named(
    tag: str, address: str, tmp_path: Path
) -> None:
    assert loaded_from_elsewhere(site_with(tmp_path, tag)) == [f"docs/page.html: {address}"]


@pytest.mark.parametrize(
    "tag",
    [
        '<script src="../_static/mermaid.tiny.js"></script>',
        '<img alt="" src="data:image/png;base64,//8=">',
        '<a href="https://semver.org/">Semantic Versioning</a>',
        '<link rel="license" href="https://example.org/license">',
        "<p>https://example.org</p>",
    ],
)
def test_files_of_the_site_and_links_to_follow_are_allowed(tag: str, tmp_path: Path) -> None:
    assert loaded_from_elsewhere(site_with(tmp_path, tag)) == []
