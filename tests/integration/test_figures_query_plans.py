"""The figures of a short period read only the rows of that period, however many there are."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from apps.analytics.figures import Period, Scope, closings, lengths
from tests.support.builders import CHANNEL, NOON, PROJECT, project

pytestmark = pytest.mark.django_db

CONVERSATIONS = 20_000
FILL = """
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


@pytest.mark.parametrize("selector", [closings, lengths])
@pytest.mark.parametrize("scope", [Scope(), Scope(project=PROJECT)], ids=["all", "one"])
def test_the_closings_of_a_day_are_read_by_an_index(scope: Scope, selector: Any) -> None:
    project()
    with connection.cursor() as cursor:
        cursor.execute(
            FILL,
            {
                "project": str(PROJECT),
                "channel": str(CHANNEL),
                "noon": NOON,
                "many": CONVERSATIONS,
            },
        )
    statements: list[tuple[str, Any]] = []

    def record(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        statements.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(record):
        selector(scope=scope, period=Period.of_days(1, last=NOON.date() - timedelta(days=9)))

    (statement,) = [one for one in statements if "WITH span" in one[0]]
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS) {statement[0]}", statement[1])
        plan = "\n".join(line for (line,) in cursor.fetchall())
    # Several indexes have the time of the closing, and PostgreSQL may choose any of them.
    assert re.search("(closed_by_time|closings_by_time|archives_by_age)", plan), plan
    assert "Seq Scan on conversations_conversation" not in plan
    assert int(re.findall(r"Buffers: shared hit=(\d+)", plan)[0]) < 200
