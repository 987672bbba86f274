"""LibreOffice opens all CSV files with their columns, numbers, dates and texts."""

import csv
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from tests.spreadsheets.libreoffice import Cell, Formula, Sheet, opened
from tests.support.builders import NOON, PROJECT
from tests.support.closings import at
from tests.support.console import made_days, made_shop
from tests.support.console_client import MAY_SEE, browser, figures_page
from tests.support.figures import answers, closed, made_project

pytestmark = pytest.mark.django_db

DAYS = ("2026-11-17", "2026-11-23")
PERIOD = {"first": DAYS[0], "last": DAYS[1]}
TABLES = ("figures", "csat-by-time", "nps-by-time", "closings-by-time", "csat-distribution")
REPORTS = ("csv-wide", "csv-long")
# A program would take some of these for formulas, and others for several cells.
NAMES = ("=1+1", "+55 11", "-1", "@SUM(A1)", 'São João; pães, "ações" e café ☕', "Açaí")


@dataclass(frozen=True, kw_only=True)
class Language:
    """A language of pages, its locale in LibreOffice, and the separators of its files."""

    code: str
    locale: str
    separator: str
    decimal: str

    def __str__(self) -> str:
        return self.code


LANGUAGES = (
    Language(code="en", locale="en-US", separator=",", decimal="."),
    Language(code="pt-br", locale="pt-BR", separator=";", decimal=","),
)


@pytest.fixture(autouse=True)
def _shops(db: None, settings: Any) -> Iterator[None]:
    """Store a shop with a week of conversations, and one for each of NAMES with a conversation."""
    settings.CONSOLE_ENABLED = True
    with at(NOON):
        made_shop(name=NAMES[-1])
        made_days(7, a_day=4)
        answers([0, 0, 9], at=NOON - timedelta(days=2), key="weni_nps")
        for number, name in enumerate(NAMES[:-1], start=1):
            project = made_project(uuid=UUID(int=number), timezone="UTC")
            project.name = name
            project.save()
            closed(NOON, project=project.pk, opened_at=NOON - timedelta(seconds=number * 7))
            answers([1, 5, 5], at=NOON, project=project.pk)
        yield


@pytest.mark.parametrize("language", LANGUAGES, ids=str)
def test_every_file_opens_with_its_columns_numbers_dates_and_texts(
    language: Language, tmp_path: Path
) -> None:
    files = downloads(language) | reports(language)
    paths = []
    for name, content in files.items():
        assert content.startswith(b"\xef\xbb\xbf")
        paths.append(tmp_path / f"{name}.csv")
        paths[-1].write_bytes(content)

    sheets = opened(paths, locale=language.locale, directory=tmp_path)

    for name, content in files.items():
        assert sheets[name] == meant(content, language), name
    assert_complete(sheets)


def downloads(language: Language) -> dict[str, bytes]:
    """Return the files of the console in a language."""
    client = browser(*MAY_SEE)
    slugs = {one.attributes["id"] for one in figures_page(client).all("figure")}
    assert {*TABLES} <= {"figures", *slugs}
    csv_of_table = reverse("admin:analytics_console_csv")
    found = {
        slug: download(client, csv_of_table, language, project=str(PROJECT), table=slug, **PERIOD)
        for slug in ("figures", *sorted(slugs))
    }
    csv_of_projects = reverse("admin:analytics_console_projects_csv")
    return {**found, "projects": download(client, csv_of_projects, language, **PERIOD)}


def download(client: Client, url: str, language: Language, **parameters: str) -> bytes:
    """Return a file that a browser with this language downloads."""
    headers = {"accept-language": language.locale}
    answer = client.get(url, parameters, secure=True, headers=headers)
    assert answer.status_code == 200, answer.content
    content: bytes = answer.content
    return content


def reports(language: Language) -> dict[str, bytes]:
    """Return the files of `manage.py report` for spreadsheets in a language."""
    found = {}
    for form in REPORTS:
        output = io.StringIO()
        options = ("--format", form, "--spreadsheet", language.code)
        call_command("report", "--from", DAYS[0], "--to", DAYS[1], *options, stdout=output)
        found[form] = output.getvalue().encode()
    return found


def meant(content: bytes, language: Language) -> Sheet:
    """Return the cells that a file means."""
    text = io.StringIO(content.decode("utf-8-sig"), newline="")
    rows = csv.reader(text, delimiter=language.separator)
    return [without_end([meant_cell(cell, language) for cell in row]) for row in rows]


def meant_cell(cell: str, language: Language) -> Any:
    """Return an ISO date as a date, a number of the language as a number, and all else as text."""
    if re.fullmatch(r"\d{4}-\d\d-\d\d", cell):
        return date.fromisoformat(cell)
    if re.fullmatch(rf"-?\d+({re.escape(language.decimal)}\d+)?", cell):
        return pytest.approx(float(cell.replace(language.decimal, ".")))
    return cell or None


def without_end(cells: list[Cell]) -> list[Cell]:
    """Return a row without the empty cells at its end."""
    while cells and cells[-1] is None:
        cells.pop()
    return cells


def assert_complete(sheets: Mapping[str, Sheet]) -> None:
    """Check that the sheets have what was stored, and that no cell is calculated."""
    cells = {name: [cell for row in sheet for cell in row] for name, sheet in sheets.items()}
    assert not [cell for found in cells.values() for cell in found if isinstance(cell, Formula)]
    marked = {f"'{name}" if name.startswith(("=", "+", "-", "@")) else name for name in NAMES}
    for name in ("projects", *REPORTS):
        assert marked <= {*cells[name]}, name
    by_day = sheets["csat-by-time"][1:]
    assert [row[0] for row in by_day] == [date(2026, 11, day) for day in range(17, 24)]
    head, *rows = sheets["csv-wide"]
    wide: list[dict[Any, Any]] = [dict(zip(head, row, strict=False)) for row in rows]
    (shop,) = [
        row
        for row in wide
        if row["project"] == str(UUID(int=1)) and row["day"] == date(2026, 11, 23)
    ]
    assert shop["csat_satisfied_percent"] == pytest.approx(200 / 3)
    assert shop["csat_mean"] == pytest.approx(11 / 3)
    assert min(row.get("nps_score") or 0 for row in wide) < 0
