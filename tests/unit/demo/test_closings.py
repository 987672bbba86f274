"""The demo's closing times, a few seconds ahead in each project's zone, and their lines."""

from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from rich.console import Console

from apps.conversations.closing_times import next_closing
from demo.closings import FIRST_AFTER, INTERVAL, ClosingLines, ClosingTime, plan_closings
from testbed.traffic.day import generate_day
from testbed.traffic.projects import Project

NOW = datetime(2026, 11, 23, 22, 23, 4, 600_000, tzinfo=UTC)


def _project(name: str, timezone: str) -> Project:
    return Project(uuid=name, channel="c", name=name, timezone=timezone)


BAKERY = _project("Bakery", "America/Sao_Paulo")
BOOKS = _project("Books", "Asia/Kolkata")


def test_projects_close_one_after_the_other_at_whole_seconds() -> None:
    closings = plan_closings([BAKERY, BOOKS], now=NOW)
    assert [each.project for each in closings] == [BAKERY, BOOKS]
    assert closings[0].at == datetime(2026, 11, 23, 22, 23, 9, tzinfo=UTC)
    assert closings[1].at - closings[0].at == INTERVAL
    assert timedelta() <= NOW + FIRST_AFTER - closings[0].at < timedelta(seconds=1)


def test_a_closing_has_the_local_time_of_its_zone() -> None:
    bakery, books = plan_closings([BAKERY, BOOKS], now=NOW)
    assert f"{bakery.local:%d %H:%M:%S}" == "23 19:23:09"
    assert f"{books.local:%d %H:%M:%S}" == "24 03:53:10"


@pytest.mark.parametrize("days", range(0, 365, 5))
def test_the_service_computes_the_same_instant_from_the_local_time_on_every_day(days: int) -> None:
    now = NOW + timedelta(days=days, hours=days)
    for closing in plan_closings(
        generate_day(events=100, seed=1, day=NOW.date()).projects, now=now
    ):
        timezone, local = closing.project.timezone, closing.local.time()
        assert next_closing(after=now, timezone=timezone, closing_time=local) == closing.at


def test_a_project_has_one_line_when_all_its_conversations_have_closed() -> None:
    output = StringIO()
    lines = ClosingLines(
        console=Console(file=output, width=20),
        closings=[
            ClosingTime(project=BAKERY, at=NOW.replace(microsecond=0)),
            ClosingTime(project=BOOKS, at=NOW.replace(microsecond=0) + INTERVAL),
        ],
        left_open={BAKERY.uuid: 2, BOOKS.uuid: 3},
    )
    for closed in ({}, {BAKERY.uuid: 1}, {BAKERY.uuid: 2}, {BAKERY.uuid: 2, BOOKS.uuid: 3}):
        lines.show(closed)
    assert output.getvalue().splitlines() == [
        "  Bakery  America/Sao_Paulo  19:23:04 local = 22:23:04 UTC  2 closed",
        "  Books   Asia/Kolkata       03:53:05 local = 22:23:05 UTC  3 closed",
    ]
