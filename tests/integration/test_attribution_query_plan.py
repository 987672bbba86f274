"""The plan by which PostgreSQL finds the conversations of a batch, made once per connection."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, transaction

from apps.conversations.models import Conversation, Erasure, Project, Resolution
from tests.support.builders import CHANNEL, NOON, found

TABLES = ("conversations_conversation", "conversations_project", "conversations_erasure")
MANY = 5_000
# PostgreSQL, "auto_explain": send plans as notices, including those of statements in functions.
SEND_PLANS = """
LOAD 'auto_explain';
SET LOCAL auto_explain.log_min_duration = 0;
SET LOCAL auto_explain.log_nested_statements = on;
SET LOCAL auto_explain.log_format = json;
SET LOCAL auto_explain.log_level = notice;
SET LOCAL client_min_messages = notice;
"""


@pytest.fixture
def _no_statistics(db: None) -> None:
    """Remove the statistics that other tests left, and let these tests leave none.

    ANALYZE stores a table's size even if its transaction is rolled back, unless the transaction
    truncated the table.
    """
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {', '.join(TABLES)} CASCADE")
        for table in TABLES:
            cursor.execute("DELETE FROM pg_statistic WHERE starelid = %s::regclass", [table])


@pytest.mark.usefixtures("_no_statistics")
def test_a_plan_made_while_tables_are_empty_searches_them_by_key() -> None:
    found()

    assert _scanned_tables() == []


@pytest.mark.usefixtures("_no_statistics")
def test_a_plan_for_large_tables_searches_them_by_key() -> None:
    found()
    projects = Project.objects.bulk_create(Project(uuid=uuid4()) for _ in range(MANY))
    Conversation.objects.bulk_create(_many_conversations(projects[0]))
    Erasure.objects.bulk_create(
        Erasure(project=projects[0], contact_hash=f"hash {number}", requested_at=NOON)
        for number in range(MANY)
    )
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {', '.join(TABLES)}")

    assert _scanned_tables() == []


@pytest.mark.django_db(transaction=True)
def test_a_new_connection_makes_a_new_plan() -> None:
    before = found()
    connection.close()

    assert found() == before


def _scanned_tables() -> list[str]:
    """Return the tables that the plan scans completely, sequentially or by an index."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(SEND_PLANS)
        del connection.connection.notices[:]
        found()
        notices = list(connection.connection.notices)
    (plan,) = [plan for plan in map(_plan_in, notices) if "WITH asked" in plan["Query Text"]]
    scans = [node for node in _nodes(plan["Plan"]) if "Relation Name" in node]
    assert {scan["Relation Name"] for scan in scans} == set(TABLES)
    return [
        scan["Relation Name"]
        for scan in scans
        if scan["Node Type"] != "ModifyTable" and "Index Cond" not in scan
    ]


def _plan_in(notice: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(notice[notice.index("{") :])
    return document


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from _nodes(part)


def _many_conversations(of: Project) -> Iterator[Conversation]:
    for number in range(MANY):
        is_open = number % 10 == 0
        yield Conversation(
            uuid=uuid4(),
            project=of,
            channel_uuid=CHANNEL,
            contact_urn=f"telegram:{number // 2}",
            contact_name="",
            group_id="",
            external_id="",
            started_at=NOON,
            opened_at=NOON,
            ended_at=None if is_open else NOON,
            closes_at=NOON,
            resolution=Resolution.IN_PROGRESS if is_open else Resolution.RESOLVED,
        )
