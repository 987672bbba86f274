"""The figures of a short period read only the rows of that period, however many there are."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from apps.analytics.console.drilldown import Kind, Selection, drilldown_rows
from apps.analytics.console.queries import Query
from apps.analytics.figures import Period, Scope, figures
from tests.support.builders import CHANNEL, NOON, PROJECT, project
from tests.support.rollups import roll_up

pytestmark = pytest.mark.django_db

CONVERSATIONS = 20_000
# TRUNCATE begins new files for the table and its indexes, without dead rows of other tests.
FILL = """
TRUNCATE conversations_conversation CASCADE;
INSERT INTO conversations_conversation (
    uuid, project_id, channel_uuid, contact_urn, contact_name, group_id, external_id, started_at,
    opened_at, closes_at, ended_at, resolution, has_chats_room, message_count
)
SELECT md5('conversation ' || n)::uuid, %(project)s, %(channel)s, 'telegram:' || n, '', 'group', '',
    at, at, at, at, 0, false, 0
FROM (
    SELECT %(noon)s::timestamptz - n * interval '30 minutes' AS at, n
    FROM generate_series(1, %(many)s) AS n
) AS made;
ANALYZE conversations_conversation;
"""


@pytest.mark.parametrize("is_rolled_up", [False, True], ids=["rows", "rollups"])
@pytest.mark.parametrize("scope", [Scope(), Scope(project=PROJECT)], ids=["all", "one"])
def test_the_figures_of_a_day_are_read_by_indexes(scope: Scope, is_rolled_up: bool) -> None:
    project()
    fill()
    if is_rolled_up:
        roll_up(until=NOON)
    plan = plan_of_figures(scope, Period.of_days(1, last=NOON.date() - timedelta(days=9)))

    # Several indexes have these times, and PostgreSQL may choose any of them.
    assert "Seq Scan on conversations_conversation" not in plan
    assert not is_rolled_up or "Seq Scan on analytics_dailyrollup" not in plan
    assert int(re.findall(r"Buffers: shared hit=(\d+)", plan)[0]) < 250


def test_a_long_period_reads_only_the_rows_of_days_that_are_not_rolled_up() -> None:
    project()
    fill()
    roll_up(until=NOON)

    plan = plan_of_figures(Scope(), Period.of_days(400, last=NOON.date()))

    assert "Seq Scan on conversations_conversation" not in plan
    # Of each of 400 days one rollup, and of two days the rows.
    assert int(re.findall(r"Buffers: shared hit=(\d+)", plan)[0]) < 1_000


@pytest.mark.parametrize("of", ["opened", "closed"])
def test_a_page_of_a_drilldown_reads_only_its_rows_of_a_long_period(of: Kind) -> None:
    made = project()
    fill()
    query = Query(
        project=made,
        scope=Scope(project=PROJECT),
        period=Period.of_days(400, last=NOON.date()),
    )

    plan = plan_of(lambda: drilldown_rows(query, selection=Selection(of=of), after=None, limit=50))

    assert int(re.findall(r"Buffers: shared hit=(\d+)", plan)[0]) < 50


def fill() -> None:
    """Store conversations of more than a year."""
    parameters: dict[str, Any] = {
        "project": PROJECT,
        "channel": CHANNEL,
        "noon": NOON,
        "many": CONVERSATIONS,
    }
    with connection.cursor() as cursor:
        cursor.execute(FILL, parameters)


def plan_of_figures(scope: Scope, period: Period) -> str:
    """Return how PostgreSQL runs the statement of the figures."""
    return plan_of(lambda: figures(scope=scope, period=period))


def plan_of(read: Callable[[], object]) -> str:
    """Return how PostgreSQL runs the last statement of `read`."""
    statements: list[tuple[str, Any]] = []

    def record(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        statements.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(record):
        read()

    *_, (statement, parameters) = statements
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE analytics_dailyrollup")
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS) {statement}", parameters)
        return "\n".join(line for (line,) in cursor.fetchall())
