"""docs/report.md lists the formats and columns of reports."""

import re

from apps.analytics.figures.daily import FIGURES, KEYS, column
from apps.analytics.figures.parquet_file import MAX_ROWS_OF_GROUP, SCHEMA
from operations.management.commands.report import PARQUET, TEXTS
from tests.support.pages import page, table_of

PAGE = page("docs/report.md")


def names_of(cell: str) -> list[str]:
    """Return the names that a cell has in code spans, with all names of a range."""
    first, *last = re.findall(r"`([^`]+)`", cell)
    if not last:
        return [first]
    stem = first.rstrip("0123456789")
    numbers = range(int(first.removeprefix(stem)), int(last[0].removeprefix(stem)) + 1)
    return [f"{stem}{number}" for number in numbers]


def test_the_page_has_all_formats() -> None:
    rows = table_of(PAGE, head="format")

    assert {name for row in rows for name in names_of(row[0])} == {*TEXTS, PARQUET}


def test_the_page_has_the_keys_with_their_types() -> None:
    rows = table_of(PAGE, head="key")

    types = ["dictionary of strings"] * 4 + ["date32"]
    assert [(row[0].strip("`"), row[1]) for row in rows] == list(zip(KEYS, types, strict=True))
    for name, documented in zip(KEYS, types, strict=True):
        found = str(SCHEMA.field(name).type)
        assert found.startswith("dictionary<values=string" if "of" in documented else documented)


def test_the_page_has_every_figure_in_order_with_its_type() -> None:
    rows = [
        (written, figure, kind)
        for columns, figures, kind, _ in table_of(PAGE, head="column")
        for written, figure in zip(names_of(columns), names_of(figures), strict=True)
    ]

    types = {int: "int64", float: "double"}
    assert rows == [(column(name), name, types[kind]) for name, kind in FIGURES.items()]
    for written, _, kind in rows:
        assert str(SCHEMA.field(written).type) == kind


def test_the_page_says_how_many_rows_a_group_has() -> None:
    assert f"groups of {MAX_ROWS_OF_GROUP:,}" in PAGE
