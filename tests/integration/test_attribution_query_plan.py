"""The plans by which PostgreSQL finds the conversations of a batch, made once per connection."""

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.db import connection, transaction

from apps.conversations import selectors
from apps.conversations.answering import attribute_answer
from apps.conversations.contacts import Contact
from apps.conversations.erasure_models import Erasure
from apps.conversations.models import Resolution
from apps.conversations.operator_requests import reopen, request_reopen
from apps.conversations.services import close
from apps.conversations.spans import NewestMessage
from apps.conversations.takeovers import take_over
from apps.conversations.windows import WindowUpdate, update_or_open
from tests.support.builders import CHANNEL, NOON, PROJECT, contact, found, place, project

TABLES = (
    "conversations_conversation",
    "conversations_span",
    "conversations_project",
    "conversations_erasure",
)
DAY = timedelta(days=1)
FEW, MANY = 10, 20_000
# PostgreSQL, "auto_explain": send plans as notices, including those of statements in functions.
SEND_PLANS = """
LOAD 'auto_explain';
SET LOCAL auto_explain.log_min_duration = 0;
SET LOCAL auto_explain.log_analyze = on;
SET LOCAL auto_explain.log_buffers = on;
SET LOCAL auto_explain.log_nested_statements = on;
SET LOCAL auto_explain.log_format = json;
SET LOCAL auto_explain.log_level = notice;
SET LOCAL client_min_messages = notice;
"""
# Closed, archived conversations of a contact, one each minute, that end at noon.
CLOSED = """
WITH made AS (
    INSERT INTO conversations_conversation (
        uuid, project_id, channel_uuid, contact_urn, contact_name, group_id, external_id,
        started_at, opened_at, ended_at, closes_at, archived_at, resolution, has_chats_room,
        message_count
    )
    SELECT gen_random_uuid(), %(project)s, %(channel)s, %(urn)s, '', 'group:' || %(urn)s, '', at,
        at, at + interval '30 s', at, at, 0, false, 0
    FROM (
        SELECT %(noon)s::timestamptz - n * interval '1 minute' AS at
        FROM generate_series(1, %(number)s) AS n
    ) AS times
    RETURNING *
)
INSERT INTO conversations_span (
    conversation_id, project_id, channel_uuid, contact_urn, group_id, first_sequence,
    last_sequence, starts_at, start_sequence, start_group, opened_at, opened_sequence, ended_at,
    end_sequence, end_group
)
SELECT uuid, project_id, channel_uuid, contact_urn, group_id, number, number + 30000000000,
    opened_at, number, group_id, opened_at, number, ended_at, number + 30000000000, group_id
FROM made, LATERAL (SELECT extract(epoch FROM opened_at) * 1000000000 AS number) AS numbered
"""
# What a message may need, by the arguments of `found`.
CASES: dict[str, dict[str, Any]] = {
    "in the open conversation": {"sent_at": NOON + timedelta(seconds=1)},
    "in a closed conversation": {"sent_at": NOON - timedelta(seconds=45)},
    "between two conversations": {"sent_at": NOON - timedelta(seconds=25)},
    "of another group": {"sent_at": NOON + timedelta(seconds=2), "group_id": "other"},
}


def answer(of: Contact, *, sent_at: datetime) -> None:
    """Attribute an answer with a text."""
    attribute_answer(
        contact=of,
        place=place(queue_time=sent_at, group=f"group:{of.urn}"),
        has_text_of_contact=True,
        contact_name="Ana",
    )


def window(of: Contact, *, sent_at: datetime) -> None:
    """Apply a window."""
    update_or_open(
        contact=of,
        window=WindowUpdate(external_id="w", contact_name=""),
        place=place(queue_time=sent_at, group=f"group:{of.urn}"),
    )


def takeover(of: Contact, *, sent_at: datetime) -> None:
    """Take over a conversation that is not in progress at this time."""
    in_progress = selectors.in_progress(of)
    assert in_progress
    taken_over = take_over(
        contact=of,
        window=WindowUpdate(),
        place=place(queue_time=sent_at, group=f"group:{of.urn}"),
        newest=NewestMessage(conversation_uuid=in_progress.uuid, place=None),
        now=NOON,
    )
    assert not taken_over.closed


def close_current(of: Contact) -> None:
    """Close the conversation in progress."""
    in_progress = selectors.in_progress(of)
    assert in_progress
    closed = close(
        contact=of,
        resolution=Resolution.RESOLVED,
        place=place(queue_time=NOON + timedelta(seconds=9), group=f"group:{of.urn}"),
        newest=NewestMessage(conversation_uuid=in_progress.uuid, place=None),
        now=NOON,
    )
    assert closed.closed


def close_and_reopen(of: Contact) -> None:
    """Close the conversation in progress, and reopen it."""
    in_progress = selectors.in_progress(of)
    assert in_progress
    close_current(of)
    request_reopen(conversation_uuid=in_progress.uuid, now=NOON)
    reopen(
        conversation_uuid=in_progress.uuid,
        place=place(queue_time=NOON + timedelta(seconds=20), group=f"group:{of.urn}"),
    )


OTHER_EVENTS: dict[str, Callable[[Contact], None]] = {
    "an answer after a message": partial(answer, sent_at=NOON + timedelta(seconds=1)),
    "an answer before it": partial(answer, sent_at=NOON - timedelta(seconds=25)),
    "a window": partial(window, sent_at=NOON + timedelta(seconds=1)),
    "a late window": partial(window, sent_at=NOON - timedelta(seconds=25)),
    "a late takeover": partial(takeover, sent_at=NOON - timedelta(seconds=25)),
    "a close": close_current,
    "a reopening": close_and_reopen,
}

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_statistics(db: None) -> None:
    """Remove the statistics that other tests left, and let these tests leave none.

    ANALYZE stores a table's size even if its transaction is rolled back, unless the transaction
    truncated the table.
    """
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {', '.join(TABLES)} CASCADE")
        for table in TABLES:
            cursor.execute("DELETE FROM pg_statistic WHERE starelid = %s::regclass", [table])


def closed_conversations(*, urn: str, number: int) -> None:
    """Store closed conversations of a contact, and an open one from noon on."""
    project()
    parameters: dict[str, Any] = {
        "project": PROJECT,
        "channel": CHANNEL,
        "urn": urn,
        "noon": NOON,
        "number": number,
    }
    with connection.cursor() as cursor:
        cursor.execute(CLOSED, parameters)
    found(urn=urn, sent_at=NOON)


@pytest.mark.parametrize("case", CASES)
def test_a_plan_made_while_tables_are_empty_searches_them_by_key(case: str) -> None:
    found(sent_at=NOON)

    assert _scanned_tables(**CASES[case]) == []


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_a_plan_for_large_tables_searches_them_by_key(case: str) -> None:
    closed_conversations(urn="telegram:1", number=5_000)
    Erasure.objects.bulk_create(
        Erasure(project=project(), contact_hash=f"hash {number}", requested_at=NOON)
        for number in range(5_000)
    )
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {', '.join(TABLES)}")

    assert _scanned_tables(urn="telegram:1", **CASES[case]) == []


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_a_contact_with_20_000_conversations_costs_as_much_as_one_with_ten(case: str) -> None:
    closed_conversations(urn="telegram:few", number=FEW)
    closed_conversations(urn="telegram:many", number=MANY)

    few, many = (
        _blocks(partial(found, urn=urn, **CASES[case])) for urn in ("telegram:few", "telegram:many")
    )

    # An index of many entries is a level or two deeper.
    assert many <= few + 2 * 8


@pytest.mark.slow
@pytest.mark.parametrize("case", OTHER_EVENTS)
def test_other_events_of_a_contact_with_20_000_conversations_cost_as_much_as_with_ten(
    case: str,
) -> None:
    closed_conversations(urn="telegram:few", number=FEW)
    closed_conversations(urn="telegram:many", number=MANY)

    few, many = (
        _blocks(partial(OTHER_EVENTS[case], contact(urn=urn)))
        for urn in ("telegram:few", "telegram:many")
    )

    assert many <= few + 2 * 20


@pytest.mark.django_db(transaction=True)
def test_a_new_connection_makes_a_new_plan() -> None:
    before = found()
    connection.close()

    assert found() == before


def _scanned_tables(**message: Any) -> list[str]:
    """Return the tables that the plans scan completely, sequentially or by an index."""
    scans = [
        node
        for plan in _plans(partial(found, **message))
        for node in _nodes(plan["Plan"])
        if node.get("Relation Name") in TABLES
    ]
    assert "conversations_span" in {scan["Relation Name"] for scan in scans}
    return [
        scan["Relation Name"]
        for scan in scans
        if scan["Node Type"] != "ModifyTable" and "Index Cond" not in scan
    ]


def _plans(act: Callable[[], object]) -> list[dict[str, Any]]:
    """Return the plans of all statements of a call, including those in functions."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(SEND_PLANS)
        del connection.connection.notices[:]
        act()
        plans = [_plan_in(notice) for notice in connection.connection.notices if "{" in notice]
    return [plan for plan in plans if "conversations_find_or_open" not in plan["Query Text"]]


def _plan_in(notice: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(notice[notice.index("{") :])
    return document


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from _nodes(part)


def _blocks(act: Callable[[], object]) -> int:
    """Return the number of blocks that the statements of a call read."""
    plans = [plan["Plan"] for plan in _plans(act)]
    return sum(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] for plan in plans)
