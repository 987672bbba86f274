"""Finds what the pages of the site would load from other hosts."""

from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

# What a browser loads by itself, by the tag. A link that a person follows may lead anywhere.
_LOADED = {
    "script": "src",
    "img": "src",
    "iframe": "src",
    "source": "src",
    "object": "data",
    "link": "href",
}
# Relations of <link> that only describe a page.
_DESCRIPTIONS = {"canonical", "author", "license", "search", "index", "next", "prev"}


class _Loads(HTMLParser):
    """Collects the addresses that a page loads."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the address of a tag that loads something."""
        values = dict(attrs)
        address = values.get(_LOADED.get(tag, ""))
        if address and values.get("rel") not in _DESCRIPTIONS:
            self.addresses.append(address)


def loaded_from_elsewhere(site: Path) -> list[str]:
    """Return a line for each page of a site and address on another host that the page loads."""
    return [
        f"{page.relative_to(site)}: {address}"
        for page in sorted(site.rglob("*.html"))
        for address in _addresses(page)
        if "//" in address and not address.startswith("data:")
    ]


def _addresses(page: Path) -> Iterator[str]:
    parser = _Loads()
    parser.feed(page.read_text(encoding="utf-8"))
    yield from parser.addresses
