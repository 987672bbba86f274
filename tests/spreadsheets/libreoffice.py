"""Opens CSV files with LibreOffice Calc, as a person does with a double click.

`python -m tests.spreadsheets.libreoffice` says how to install it if it is missing.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from xml.etree import ElementTree

from rich.console import Console

NAMES = ("soffice", "libreoffice")
HOW_TO_INSTALL = (
    "There is no LibreOffice Calc on this machine: install it (Debian, Ubuntu: apt-get install "
    "--no-install-recommends libreoffice-calc; macOS: brew install --cask libreoffice) or set "
    "LIBREOFFICE to its path."
)
TIMEOUT_SECONDS = 600

# The settings that the dialog for CSV files has at first: commas, semicolons and tabs end a cell,
# columns have the type "Standard", and numbers are in the language of the user. Evaluating formulas
# is off in the dialog; it is on here, because no cell may be a formula even then. (LibreOffice
# Help, "CSV Filter Parameters".)
_SETTINGS = (
    *("44/59/9", "34", "UTF-8", "1", "", "0", "false", "false", "false", "false", "false"),
    *("-1", "true"),
)
_PROFILE = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry">
<item oor:path="/org.openoffice.Setup/L10N">
<prop oor:name="ooSetupSystemLocale" oor:op="fuse"><value>{locale}</value></prop>
</item>
</oor:items>
"""
_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
_TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"

Cell = str | float | date | None
Sheet = list[list[Cell]]


class Formula(str):
    """The formula of a cell, or the type of a cell that is no text, number or date."""

    __slots__ = ()


def libreoffice() -> str | None:
    """Return the path in LIBREOFFICE if it is set, otherwise that of an installed one or None."""
    named = os.environ.get("LIBREOFFICE")
    found = (shutil.which(name) for name in ((named,) if named else NAMES))
    return next(filter(None, found), None)


def opened(files: Sequence[Path], *, locale: str, directory: Path) -> Mapping[str, Sheet]:
    """Open CSV files with the settings of a locale, as in pt-BR. Return the sheets by their stems.

    `directory` is for LibreOffice's own files.
    """
    program = libreoffice()
    assert program, HOW_TO_INSTALL
    profile, sheets = directory / "profile", directory / "sheets"
    (profile / "user").mkdir(parents=True)
    (profile / "user" / "registrymodifications.xcu").write_text(_PROFILE.format(locale=locale))
    command = [
        *(program, "--headless", "--norestore", f"-env:UserInstallation={profile.as_uri()}"),
        *("--convert-to", "fods", "--outdir", str(sheets), f"--infilter=CSV:{','.join(_SETTINGS)}"),
        *map(str, files),
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=TIMEOUT_SECONDS)
    return {one.stem: _read(sheets / f"{one.stem}.fods") for one in files}


def _read(file: Path) -> Sheet:
    """Return the rows of the first sheet, without the empty cells and rows at their ends."""
    rows = [
        row
        for element in ElementTree.parse(file).iter(f"{_TABLE}table-row")  # noqa: S314 (our own)
        for row in [_without_end(list(_cells(element)))] * _number(element, "rows")
    ]
    while rows and not rows[-1]:
        rows.pop()
    return rows


def _cells(row: ElementTree.Element) -> Iterator[Cell]:
    for element in row.iter(f"{_TABLE}table-cell"):
        yield from [_value(element)] * _number(element, "columns")


def _value(element: ElementTree.Element) -> Cell:
    kind = element.get(f"{_OFFICE}value-type")
    if formula := element.get(f"{_TABLE}formula"):
        return Formula(formula)
    if kind == "float":
        return float(element.attrib[f"{_OFFICE}value"])
    if kind == "date":
        return date.fromisoformat(element.attrib[f"{_OFFICE}date-value"])
    if kind == "string":
        return "\n".join("".join(one.itertext()) for one in element.iter(f"{_TEXT}p"))
    return Formula(kind) if kind else None


def _number(element: ElementTree.Element, what: str) -> int:
    # The last row and the last cells are repeated up to the end of the sheet, and are empty.
    return min(int(element.get(f"{_TABLE}number-{what}-repeated", "1")), 1_000)


def _without_end(cells: list[Cell]) -> list[Cell]:
    while cells and cells[-1] is None:
        cells.pop()
    return cells


def main() -> int:
    """Return 0, or 1 after a message if LibreOffice is not installed."""
    if libreoffice():
        return 0
    Console(stderr=True).print(HOW_TO_INSTALL, markup=False, highlight=False, soft_wrap=True)
    return 1


if __name__ == "__main__":
    sys.exit(main())
