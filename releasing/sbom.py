"""The software bill of materials, in the form of CycloneDX."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from embedded.commands import output_of
from embedded.service import PROJECT_ROOT


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """A package, with its licences as its metadata declares them."""

    name: str
    version: str
    licences: tuple[str, ...]


def bill_of(python: Path, *, program: Path, **variables: str) -> str:
    """Return the packages of an interpreter's environment, and what they are packages of, as JSON.

    `program` is the path of cyclonedx-py. Raise CommandError if it fails.
    """
    return output_of(
        *(program, "environment", "--output-reproducible", "--output-format", "JSON"),
        *("--pyproject", PROJECT_ROOT / "pyproject.toml", "--mc-type", "application", python),
        cwd=PROJECT_ROOT,
        **variables,
    )


def components(path: Path) -> list[Component]:
    """Return the packages in a bill, by name."""
    document = json.loads(path.read_text(encoding="utf-8"))
    found = [
        Component(
            name=one["name"].lower().replace("_", "-"),
            version=one["version"],
            licences=tuple(_licences(one.get("licenses", ()))),
        )
        for one in document["components"]
    ]
    return sorted(found, key=lambda component: component.name)


def _licences(entries: list[dict[str, object]]) -> Iterator[str]:
    for entry in entries:
        match entry:
            case {"expression": str(text)} | {"license": {"id": str(text)} | {"name": str(text)}}:
                yield text
