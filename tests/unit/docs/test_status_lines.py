"""The runbook lists all lines of the status."""

from tests.support.pages import page, table_of
from tests.support.status_readings import healthy, judged


def test_the_runbook_lists_the_lines_of_the_status_in_their_order() -> None:
    rows = table_of(page("docs/runbook.md"), head="line")

    assert [row[0].strip("`") for row in rows] == [line.name for line in judged(healthy()).lines]
