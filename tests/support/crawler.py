"""Follows the links and the search forms of a site, and reports pages that cannot be shown."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

from django.test import Client
from django.urls import Resolver404, resolve

# What the forms of filters and searches are filled in with, by the type of the field.
FILLED_IN = {"date": "2026-11-23", "text": "telegram:1001"}
# Django adds this name to links so that a page leads back to the filtered list.
BACK = "_changelist_filters"


@dataclass
class Crawler:
    """Visits each kind of page of a site, within bounds, as one user.

    Pages are of one kind if they have the same view and the same names of query parameters. Of one
    kind, up to `max_alike` pages are visited that name different objects or that have different
    values of a single parameter (a filter, an order, a page). URLs with more than `max_parameters`
    are not visited. `read` gets the URL and the HTML of each page.
    """

    client: Client
    read: Callable[[str, str], None] = lambda _url, _html: None
    max_pages: int = 1_000
    max_alike: int = 5
    max_parameters: int = 3
    visited: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    _found: dict[tuple[str, ...], set[str]] = field(default_factory=lambda: defaultdict(set))

    def visits_of(self, view: str) -> int:
        """Return how many pages of a view were visited."""
        return sum(len(pages) for kind, pages in self._found.items() if kind[0] == view)

    def crawl(self, *starts: str) -> None:
        """Visit these pages and all that they lead to."""
        waiting = [(one, "start") for one in starts]
        while waiting:
            url, source = waiting.pop()
            if not self._is_new(url):
                continue
            assert len(self.visited) < self.max_pages, "The crawl has no end."
            self.visited.append(url)
            waiting += [(link, url) for link in self._visit(url, source)]

    def _visit(self, url: str, source: str) -> list[str]:
        """Visit a page. Return the URLs of its links within the site."""
        try:
            answer = self.client.get(url, secure=True, follow=True)
        except Exception as error:
            self.problems.append(f"{url}, linked on {source}: {error!r}")
            return []
        match = getattr(answer, "resolver_match", None)
        if answer.status_code != 200 or (match and match.view_name == "admin:login"):
            self.problems.append(f"{url}, linked on {source}: {answer.status_code}")
            return []
        if not answer["Content-Type"].startswith("text/html"):
            return []
        html = answer.content.decode()
        self.read(url, html)
        here = answer.redirect_chain[-1][0] if answer.redirect_chain else url
        return [urljoin(here, link) for link in links_of(html)]

    def _is_new(self, url: str) -> bool:
        """Return whether a URL is one of this site that leads to a page not visited yet."""
        parts = urlsplit(url)
        if parts.netloc or parts.scheme:
            return False
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        query.pop(BACK, None)
        if len(query) > self.max_parameters:
            return False
        view, page = _view_of(parts.path)
        if len(query) == 1:
            page += parts.query
        alike = self._found[(view, *sorted(query))]
        if page in alike or len(alike) >= self.max_alike:
            return False
        alike.add(page)
        return True


@cache
def _view_of(path: str) -> tuple[str, str]:
    """Return the name of the view at a path, and the objects that the path names."""
    try:
        match = resolve(path)
    except Resolver404:
        return path, ""
    return match.view_name or path, str(sorted(match.kwargs.items()) or "")


def links_of(html: str) -> list[str]:
    """Return the URLs of a page's links, and of its GET forms when they are filled in."""
    reader = _Links()
    reader.feed(html)
    return [*reader.links, *reader.filled_in_forms()]


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.links: list[str] = []
        self._forms: list[tuple[str, list[tuple[str, str]]]] = []
        self._is_in_form = False

    def handle_starttag(self, tag: str, attrs: Iterable[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "a" and given.get("href", "#").partition("#")[0]:
            self.links.append(given["href"].partition("#")[0])
        if tag == "form":
            self._is_in_form = given.get("method", "get").lower() == "get"
            if self._is_in_form:
                self._forms.append((given.get("action", ""), []))
        if tag == "input" and self._is_in_form and given.get("name"):
            kind = given.get("type", "text")
            self._forms[-1][1].append(
                (given["name"], given.get("value") or FILLED_IN.get(kind, ""))
            )

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._is_in_form = False

    def filled_in_forms(self) -> Iterator[str]:
        for action, fields in self._forms:
            if fields:
                yield f"{action}?{urlencode(fields)}"
