"""Tables are rendered in Markdown and on the terminal, and the lines of pages are wrapped."""

from io import StringIO

from rich.console import Console

from bench.common.tables import in_columns, in_rows, wrapped


def test_a_table_can_have_its_figures_in_rows_or_in_columns() -> None:
    figures = {"twice": lambda n: f"{2 * n}", "squared": lambda n: f"{n * n}"}

    assert str(in_columns({"three": 3, "five": 5}, figures)).splitlines() == [
        "|  | three | five |",
        "| --- | --- | --- |",
        "| twice | 6 | 10 |",
        "| squared | 9 | 25 |",
    ]
    assert str(in_rows([3, 5], figures)).splitlines() == [
        "| twice | squared |",
        "| --- | --- |",
        "| 6 | 9 |",
        "| 10 | 25 |",
    ]


def test_a_wide_table_is_printed_transposed() -> None:
    printed = StringIO()
    figures = {f"times {factor}": (lambda n, factor=factor: f"{factor * n}") for factor in range(9)}

    in_rows([3, 5], figures, title="Products").print_on(Console(file=printed, width=60))

    (row,) = (line for line in printed.getvalue().splitlines() if "times 8" in line)
    assert [cell.strip() for cell in row.strip("│").split("│")] == ["times 8", "24", "40"]
    assert "Products" in printed.getvalue()


def test_only_paragraphs_and_lists_are_wrapped() -> None:
    words = "word " * 30
    table = f"| {words} |\n| --- |"
    page = wrapped(f"# {words}\n\n{words}\n{words}\n\n- {words}\n  {words}\n- b\n\n{table}\n")
    heading, paragraph, items, kept = page.rstrip("\n").split("\n\n")

    assert heading == f"# {words}"
    assert kept == table
    assert max(map(len, paragraph.splitlines())) <= 100
    assert paragraph.split() == ["word"] * 60
    assert [line[:6] for line in items.splitlines()] == [
        "- word",
        "  word",
        "  word",
        "  word",
        "- b",
    ]


def test_code_spans_are_not_wrapped() -> None:
    code = "`make bench-growth with many words`"

    for length in range(60, 100):
        assert code in wrapped(f"{'x' * length} {code}")
