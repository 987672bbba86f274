"""Parses pages strictly: HTML errors fail, even those that a browser would correct."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = frozenset({"br", "hr", "img", "input", "link", "meta"})


@dataclass(eq=False)
class Element:
    """An element with its attributes and all its text."""

    name: str
    attributes: dict[str, str]
    parents: list["Element"] = field(default_factory=list)
    text: str = ""

    def has_class(self, name: str) -> bool:
        """Whether the element has this class."""
        return name in self.attributes.get("class", "").split()


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[Element] = []
        self.open: list[Element] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"<{tag}> repeats an attribute: {names}"
        element = Element(tag, {name: value or "" for name, value in attrs}, list(self.open))
        self.elements.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> ends nothing"
        assert self.open[-1].name == tag, f"</{tag}> ends <{self.open[-1].name}>"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        for element in self.open:
            element.text += data


class Document:
    """The elements of a page. Parsing fails if tags do not match or an id is repeated."""

    def __init__(self, html: str) -> None:
        reader = _Reader()
        reader.feed(html)
        reader.close()
        assert reader.open == [], "elements are not ended"
        self.elements = reader.elements
        ids = [one.attributes["id"] for one in self.elements if "id" in one.attributes]
        assert len(ids) == len(set(ids)), "an id is repeated"

    def all(self, name: str, *, of_class: str = "", within: str = "") -> Iterator[Element]:
        """Yield the elements with this name and class inside the element with the id `within`."""
        for one in self.elements:
            is_meant = one.name == name and (not of_class or one.has_class(of_class))
            if is_meant and (not within or within in self._ids_around(one)):
                yield one

    def rows(self, *, within: str) -> list[list[str]]:
        """Return the cells of the table body inside the element with the id `within`."""
        rows: list[list[str]] = []
        for one in self.elements:
            in_body = any(parent.name == "tbody" for parent in one.parents)
            if in_body and within in self._ids_around(one):
                if one.name == "tr":
                    rows.append([])
                elif one.name in ("td", "th"):
                    rows[-1].append(one.text.strip())
        return rows

    def _ids_around(self, element: Element) -> list[str]:
        return [parent.attributes.get("id", "") for parent in element.parents]
