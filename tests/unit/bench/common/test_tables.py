"""Tables as Markdown, and the lines of a page."""

from bench.common.tables import in_columns, in_rows, wrapped


def test_figures_stand_in_rows_or_in_columns() -> None:
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


def test_paragraphs_and_lists_are_wrapped_and_nothing_else_is() -> None:
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


def test_code_is_not_broken() -> None:
    code = "`make bench-growth with many words`"

    for length in range(60, 100):
        assert code in wrapped(f"{'x' * length} {code}")
