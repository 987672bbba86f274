"""The index of the decisions lists every record, by its number and title."""

import re

from tests.support.pages import ROOT, page, table_of

FOLDER = ROOT / "docs" / "adr"


def test_the_index_lists_every_decision_with_its_title() -> None:
    titles = {path.name: page(f"docs/adr/{path.name}") for path in sorted(FOLDER.glob("0*.md"))}
    expected = []
    for name, text in titles.items():
        heading = re.match(r"# (\d+)\. (.+)\n", text)
        assert heading, name
        number, title = heading.groups()
        assert name.startswith(f"{int(number):04}-")
        expected.append([number, f"[{title}]({name})"])

    assert table_of(page("docs/adr/README.md"), head="number") == expected
