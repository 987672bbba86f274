"""The software bill of materials, in the form of CycloneDX."""

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from embedded.commands import CommandError
from embedded.service import PROJECT_ROOT


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """A package, with its licences as its metadata declares them."""

    name: str
    version: str
    licences: tuple[str, ...]


def write(*, tools: Path, python: Path, path: Path, moment: str) -> Path:
    """Write the packages of an interpreter's environment, and return the path.

    The environment has exactly the locked packages. Raises CommandError if that fails.
    """
    command: list[str | Path] = [
        *(tools / "cyclonedx-py", "environment", "--output-reproducible"),
        *("--pyproject", PROJECT_ROOT / "pyproject.toml", "--mc-type", "application"),
        *("--output-format", "JSON", "--output-file", path, python),
    ]
    result = subprocess.run(  # noqa: S603 (cyclonedx-py)
        command,
        env={**os.environ, "SOURCE_DATE_EPOCH": moment},
        capture_output=True,
        check=False,
        text=True,
    )
    if result.returncode:
        raise CommandError(f"cyclonedx-py failed:\n{result.stderr}")
    return path


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
