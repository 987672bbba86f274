"""Every statement of the admin's lists of large tables uses an index, with every filter.

The tests run EXPLAIN on the statements that the pages send. The tables have enough rows to make a
sequential scan more expensive than any index.
"""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.conversations import search
from apps.conversations.admin import base
from tests.support.admin import operator
from tests.support.builders import CHANNEL, NOON, PROJECT, project

CONVERSATIONS = 20_000
OPEN = CONVERSATIONS // 100
PARAMETERS: dict[str, Any] = {
    "rows": CONVERSATIONS,
    "open": OPEN,
    "project": str(PROJECT),
    "channel": str(CHANNEL),
    "noon": NOON,
}
# One conversation opens each minute, the last one at noon. The newest ones are still open. Some of
# the closed ones are not archived yet, and some have a requested action.
FILL = """
INSERT INTO conversations_project (uuid, name, timezone, closing_time)
SELECT md5('project ' || n)::uuid, 'Project ' || n, 'UTC', '00:00' FROM generate_series(1, 40) AS n;

INSERT INTO conversations_conversation (
    uuid, project_id, channel_uuid, contact_urn, contact_name, group_id, external_id, started_at,
    opened_at, closes_at, due_at, ended_at, resolution, has_chats_room,
    message_count, archived_at, requested_resolution
)
SELECT md5('conversation ' || n)::uuid,
    CASE WHEN n %% 10 = 0 THEN %(project)s::uuid ELSE md5('project ' || 1 + n %% 40)::uuid END,
    %(channel)s::uuid, 'telegram:' || 100000 + n, 'Contact', 'group ' || n,
    CASE WHEN n %% 50 = 0 THEN 'external ' || n ELSE '' END, at, at, at + interval '1 day',
    CASE WHEN n < %(open)s THEN at + interval '1 day' END,
    CASE WHEN n >= %(open)s THEN at + interval '1 hour' END,
    CASE WHEN n < %(open)s THEN 2 WHEN n %% 100 = 0 THEN 4 WHEN n %% 7 = 0 THEN 0 ELSE 3 END,
    false, 10, CASE WHEN n >= %(open)s AND n %% 500 <> 0 THEN at + interval '2 hours' END,
    CASE WHEN n %% 1000 = 0 THEN 3 END
FROM (
    SELECT n, %(noon)s::timestamptz - n * interval '1 minute' AS at
    FROM generate_series(0, %(rows)s - 1) AS n
) AS made;

INSERT INTO analytics_surveyanswer (
    project_id, channel_uuid, contact_urn, message_id, conversation_id, key, value, score, problem,
    answered_at, is_replaced, sequence_number, group_id, identity, correlation_id
)
SELECT project_id, channel_uuid, contact_urn, 'answer', uuid,
    CASE WHEN extract(minute FROM opened_at) < 40 THEN 'weni_csat' ELSE 'weni_nps' END,
    '5', CASE WHEN extract(minute FROM opened_at) <> 7 THEN 5 END,
    CASE WHEN extract(minute FROM opened_at) = 7 THEN 'not_a_number' ELSE '' END,
    opened_at, false, 1, group_id, uuid, ''
FROM conversations_conversation;

INSERT INTO analytics_outboxevent (event_id, answer_id, payload, created_at, delivered_at, refusal)
SELECT md5('event ' || id)::uuid, id, '{}', answered_at,
    CASE WHEN id %% 100 <> 0 THEN answered_at END,
    CASE WHEN id %% 1000 = 0 THEN 'no such project' ELSE '' END
FROM analytics_surveyanswer;

INSERT INTO conversation_messages_deadletter (
    message_id, source_message_id, group_id, sequence_number, body, attributes, reason, error,
    queue_time, receive_count, project_uuid, contact_urn, collected_at, redriven_at,
    redrive_requested_at, redrive_count
)
SELECT 'letter ' || n, '', 'group ' || n %% 1000, n, 'body', '{}',
    (ARRAY['bug', 'lost', 'not_json'])[1 + n %% 3], '',
    %(noon)s::timestamptz - n * interval '1 minute', 5,
    md5('project ' || n %% 40)::uuid, '', %(noon)s,
    CASE WHEN n %% 50 <> 0 THEN %(noon)s::timestamptz END,
    CASE WHEN n %% 1000 = 0 THEN %(noon)s::timestamptz END, 0
FROM generate_series(0, %(rows)s - 1) AS n;

INSERT INTO conversations_auditentry (at, actor, source, action, object_type, object_id, detail)
SELECT %(noon)s::timestamptz - n * interval '1 minute', 'actor ' || n %% 50, 'admin',
    (ARRAY['close', 'read', 'redrive'])[1 + n %% 3], 'conversation', md5('conversation ' || n), '{}'
FROM generate_series(0, %(rows)s - 1) AS n;

ANALYZE;
"""
LARGE = {
    "conversations_conversation",
    "analytics_surveyanswer",
    "analytics_outboxevent",
    "conversation_messages_deadletter",
    "conversations_auditentry",
}
STATES = ("0", "1", "2", "3", "4", "closed", "unarchived", "wanted", "overdue")
DAYS = {"from": f"{NOON - timedelta(days=3):%Y-%m-%d}", "to": f"{NOON:%Y-%m-%d}"}
OPENED = {f"opened_{name}": day for name, day in DAYS.items()}
ENDED = {f"ended_{name}": day for name, day in DAYS.items()}
OF_PROJECT = {"project": str(PROJECT)}


def conversation_lists() -> Iterator[dict[str, str]]:
    """Yield the parameters of every combination of filters and of every kind of search."""
    for state in ({}, *({"state": one} for one in STATES)):
        for of_project in ({}, OF_PROJECT):
            for days in ({}, OPENED, ENDED):
                yield {**state, **of_project, **days}
    for term in ("telegram:100007", "telegram:1000", "telegram:9", "external 50", "nothing"):
        yield {"q": term}
    yield {"q": str(UUID(int=7))}
    yield {"q": "telegram:100007", **OF_PROJECT, "state": "3", **OPENED}
    # A URL cannot choose an order that has no index.
    yield {"o": "3.-10"}
    yield {"p": "5"}


OTHER_LISTS = {
    "analytics_surveyanswer": (
        {},
        {"key": "weni_nps"},
        {"key": "nothing"},
        OF_PROJECT,
        {"key": "weni_csat", **OF_PROJECT},
        {"answered_from": DAYS["from"], "answered_to": DAYS["to"]},
        {"answered_from": DAYS["from"], "key": "weni_csat"},
        {"problem": "any"},
        {"problem": "missing"},
        {"problem": "any", **OF_PROJECT},
        {"problem": "not_a_number", **OF_PROJECT, "key": "weni_csat"},
        {"problem": "any", "answered_from": DAYS["from"], "key": "weni_csat"},
        {"q": "telegram:100007"},
        {"q": str(UUID(int=7))},
    ),
    "analytics_outboxevent": (
        {},
        {"state": "waiting"},
        {"state": "refused"},
        {"state": "delivered"},
        {"q": str(UUID(int=7))},
    ),
    "conversation_messages_deadletter": (
        {},
        {"reason": "lost"},
        {"reason": "nothing"},
        {"project": str(PROJECT)},
        {"state": "waiting"},
        {"state": "wanted"},
        {"state": "redriven"},
        {"queue_time_from": DAYS["from"], "queue_time_to": DAYS["to"]},
        {"q": "letter 7"},
        {"q": str(PROJECT)},
    ),
    "conversations_auditentry": (
        {},
        {"actor": "actor 7"},
        {"action__exact": "read"},
        {"at_from": DAYS["from"], "at_to": DAYS["to"]},
        {"actor": "actor 7", "action__exact": "read"},
        {"q": str(UUID(int=7))},
    ),
}


@pytest.fixture(scope="module")
def full(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Fill the tables for all tests of this file, and empty them afterwards."""
    with django_db_blocker.unblock():
        project()
        with connection.cursor() as cursor:
            cursor.execute(FILL, PARAMETERS)
        yield
        with connection.cursor() as cursor:
            cursor.execute(f"TRUNCATE conversations_project, {', '.join(sorted(LARGE))} CASCADE")
            cursor.execute("ANALYZE")


@pytest.fixture
def client(full: None, db: None, monkeypatch: pytest.MonkeyPatch) -> Client:
    """Return a client whose pages show as small a share of the rows as with a million rows."""
    monkeypatch.setattr(base, "MAX_PAGED", CONVERSATIONS // 100)
    monkeypatch.setattr(search, "MAX_FOUND", 100)
    # Pages are short, because rendering a hundred rows as HTML takes longer than finding them.
    monkeypatch.setattr(base.BoundedAdmin, "list_per_page", 20)
    # This tells PostgreSQL that pages are cached. In production the ends of the indexes, which the
    # lists read, are in memory.
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL random_page_cost = 1.1")
    return operator()


def statements(client: Client, model: str, parameters: Mapping[str, str]) -> list[str]:
    """Return the statements of a list that read large tables."""
    with CaptureQueriesContext(connection) as queries:
        answer = client.get(reverse(f"admin:{model}_changelist"), parameters, secure=True)
    assert answer.status_code == 200
    sql = [query["sql"] for query in queries if query["sql"].startswith("SELECT")]
    found = [one for one in sql if any(f'FROM "{table}"' in one for table in LARGE)]
    assert found
    return found


def nodes(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the nodes of a plan."""
    yield plan
    for one in plan.get("Plans", ()):
        yield from nodes(one)


def scanned_tables(sql: str) -> list[str]:
    """Return the large tables that PostgreSQL would scan completely."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {sql.replace('%', '%%')}", [])
        (found,) = cursor.fetchone()
    (explained,) = json.loads(found) if isinstance(found, str) else found
    return [
        node["Relation Name"]
        for node in nodes(explained["Plan"])
        if node["Node Type"] == "Seq Scan" and node["Relation Name"] in LARGE
    ]


def counts_all(sql: str) -> bool:
    """Return whether the statement counts rows without a limit."""
    return bool(re.search(r"\bCOUNT\(", sql, re.IGNORECASE)) and " LIMIT " not in sql


def check(client: Client, model: str, parameters: Mapping[str, str]) -> None:
    """Assert that no statement of the list counts or scans a large table completely."""
    for sql in statements(client, model, parameters):
        assert not counts_all(sql), (parameters, sql)
        assert scanned_tables(sql) == [], (parameters, sql)


def test_every_list_of_conversations_is_served_by_indexes(client: Client) -> None:
    for parameters in conversation_lists():
        check(client, "conversations_conversation", parameters)


@pytest.mark.parametrize("model", OTHER_LISTS)
def test_the_other_lists_are_served_by_indexes(client: Client, model: str) -> None:
    for parameters in OTHER_LISTS[model]:
        check(client, model, parameters)


def test_the_check_reports_a_sequential_scan(client: Client) -> None:
    """Without an index PostgreSQL scans the table, and the check reports it."""
    searched = "SELECT 1 FROM conversations_conversation WHERE contact_name = 'x'"
    assert scanned_tables(searched) == ["conversations_conversation"]
    assert counts_all("SELECT COUNT(*) FROM conversations_conversation")
