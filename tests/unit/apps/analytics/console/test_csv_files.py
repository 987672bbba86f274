"""Spreadsheet programs open the files of the console, and calculate nothing that people wrote."""

import csv
import io
import re
from datetime import date, timedelta
from typing import Any

import pytest
from django.utils import translation
from hypothesis import example, given
from hypothesis import strategies as st

from apps.analytics.console.csv_files import as_csv, csv_response
from apps.analytics.console.tables import Cell, Column, Table, Value


def table_of(*values: Value, **fields: Any) -> Table:
    """Return a table with a row of these values."""
    return Table(
        title=fields.pop("title", "Numbers"),
        columns=[Column(title=f"c{number}", **fields) for number, _ in enumerate(values)],
        rows=[[Cell(value=value) for value in values]],
    )


def written(*values: Value, language: str = "en") -> list[str]:
    """Return how values are written, read with the separator of a language."""
    with translation.override(language):
        text = as_csv(table_of(*values))
    delimiter = "," if language == "en" else ";"
    _, row = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    return row


@pytest.mark.parametrize(
    ("language", "lines"),
    [("en", ["c0,c1,c2", "1204,81.25,"]), ("pt-br", ["c0;c1;c2", '1204;"81,25";'])],
)
def test_a_file_has_the_separators_of_its_language(language: str, lines: list[str]) -> None:
    with translation.override(language):
        assert as_csv(table_of(1_204, 81.25, None)).splitlines() == lines


def test_values_are_numbers_and_dates_that_programs_read() -> None:
    values = (0, 100.0, -0.00001, 2 / 3, timedelta(minutes=2.5), date(2026, 11, 23))

    assert written(*values) == ["0", "100", "0", "0.6667", "150", "2026-11-23"]


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        " =1",
        "\n",
        "\N{FULLWIDTH EQUALS SIGN}1",
        '=HYPERLINK("x")',
    ],
)
def test_a_text_that_a_program_would_calculate_is_marked_as_text(text: str) -> None:
    assert written(text) == [f"'{text}"]


@pytest.mark.parametrize(("language", "separator"), [("en", ","), ("pt-br", ";")])
def test_a_program_that_takes_other_separators_too_finds_the_same_cells(
    language: str, separator: str
) -> None:
    """LibreOffice takes commas, semicolons and tabs, if nobody changes the settings."""
    values = ("a,b", "c;d", "e\tf", 81.25, "g")
    with translation.override(language):
        _, row, _ = as_csv(table_of(*values)).split("\r\n")

    outside = re.sub(r'"[^"]*"', "", row)
    assert set(re.findall(r"[,;\t]", outside)) == {separator}
    assert len(outside.split(separator)) == len(values)


@pytest.mark.parametrize("language", ["en", "pt-br"])
@given(texts=st.lists(st.text(max_size=20), min_size=1, max_size=4))
@example(texts=["a,b;c", '"', "d\r\ne", ""])
def test_texts_stay_in_their_cells_and_never_begin_a_formula(
    language: str, texts: list[str]
) -> None:
    if not any(texts):
        return
    found = written(*texts, language=language)

    assert [one.removeprefix("'") for one in found] == [one.removeprefix("'") for one in texts]
    assert not any(one.lstrip().startswith(("=", "+", "-", "@")) for one in found)


def test_a_negative_number_is_a_number() -> None:
    assert written(-12.5, -3) == ["-12.5", "-3"]


def test_a_file_begins_with_a_byte_order_mark_and_has_a_name_that_says_what_it_is() -> None:
    table = table_of("Ações", title="CSAT por dia, não só hoje")

    answer = csv_response(table, name_parts=["Padaria São João", "", "2026-11-17", "2026-11-23"])

    assert answer.content.startswith(b"\xef\xbb\xbfc0\r\n")
    assert answer.content.decode("utf-8-sig").splitlines()[1] == "Ações"
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    name = "csat-por-dia-nao-so-hoje_padaria-sao-joao_2026-11-17_2026-11-23.csv"
    assert answer["Content-Disposition"] == f'attachment; filename="{name}"'


def test_the_unit_of_a_column_stands_in_its_title() -> None:
    assert as_csv(table_of(1, unit="%")).splitlines()[0] == "c0 (%)"


def test_columns_of_the_page_only_are_left_out() -> None:
    assert as_csv(table_of(1, 2, in_file=False)).strip() == ""
