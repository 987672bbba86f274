"""The gauges whose values a scrape reads from PostgreSQL and SQS."""

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django_celery_beat.models import PeriodicTask
from prometheus_client import CollectorRegistry, generate_latest

from apps.conversations.erasure_models import Erasure
from apps.conversations.models import Resolution
from observability.metrics.postgresql import read_postgresql
from observability.metrics.state import StateCollector
from tasks.schedules import ensure_schedules
from tests.support.backlogs import dead_letter, outbox_row
from tests.support.builders import CHANNEL, NOON, PROJECT, conversation, project
from tests.support.closings import HOUR, MINUTE, at, closing_at
from tests.support.scraping import Scrape, read

MANY = 20_000
BIG_TABLES = (
    "conversations_conversation",
    "analytics_outboxevent",
    "conversation_messages_deadletter",
)
# Many conversations of the two most frequent kinds: open and not due, closed and archived.
MANY_CONVERSATIONS = """
INSERT INTO conversations_conversation (
    uuid, project_id, channel_uuid, contact_urn, contact_name, group_id, external_id, started_at,
    opened_at, closes_at, due_at, ended_at, archived_at, resolution, has_chats_room,
    message_count
)
SELECT gen_random_uuid(), %(project)s, %(channel)s, 'telegram:' || number, '', 'group', '', at, at,
    at + interval '1 day', CASE WHEN is_open THEN at + interval '1 day' END,
    CASE WHEN NOT is_open THEN at END, CASE WHEN NOT is_open THEN at END,
    CASE WHEN is_open THEN 2 ELSE 0 END, false, 0
FROM (
    SELECT number, number %% 2 = 0 AS is_open, %(at)s::timestamptz AS at
    FROM generate_series(1, %(many)s) AS number
) AS numbered
"""
MANY_OUTBOX_ROWS = """
WITH answers AS (
    INSERT INTO analytics_surveyanswer (
        project_id, channel_uuid, contact_urn, message_id, key, value, answered_at, is_replaced,
        sequence_number, group_id, identity, correlation_id
    )
    SELECT %(project)s, %(channel)s, 'telegram:1', number::text, 'custom', '1', %(at)s, false,
        number, 'group', number::text, ''
    FROM generate_series(1, %(many)s) AS number RETURNING id
)
INSERT INTO analytics_outboxevent (event_id, answer_id, payload, created_at, delivered_at, refusal)
SELECT gen_random_uuid(), id, '{}', %(at)s, %(at)s, '' FROM answers
"""
MANY_DEAD_LETTERS = """
INSERT INTO conversation_messages_deadletter (
    message_id, source_message_id, group_id, sequence_number, body, attributes, reason, error,
    queue_time, receive_count, contact_urn, collected_at, redriven_at, redrive_count
)
SELECT number::text, '', 'group', number, '{}', '{}', 'bug', '', %(at)s, 1, '', %(at)s, %(at)s, 1
FROM generate_series(1, %(many)s) AS number
"""


@pytest.fixture(autouse=True)
def _database(transactional_db: None) -> None:
    """Commit test data, because another thread reads it in its own connection."""


def state(moment: datetime = NOON) -> dict[str, dict[tuple[str, ...], float]]:
    with at(moment):
        return {name: dict(values) for name, values in read_postgresql().items()}


def only(name: str) -> float:
    """Return the value of a gauge without labels."""
    return state()[f"conversations_{name}"][()]


def page() -> Scrape:
    """Return a scrape of these gauges only, as from a worker's exporter."""
    registry = CollectorRegistry()
    registry.register(StateCollector())
    return read(generate_latest(registry).decode())


def test_due_overdue_claimed_and_late_closings_are_counted() -> None:
    closing_at(NOON - MINUTE, urn="telegram:1")
    closing_at(NOON - 6 * MINUTE, urn="telegram:2")
    closing_at(NOON + HOUR, urn="telegram:3")
    claimed = {"due_at": NOON + 5 * MINUTE, "close_requested_at": NOON - 10 * MINUTE}
    closing_at(NOON - 10 * MINUTE, urn="telegram:4", **claimed)
    closing_at(NOON - HOUR, urn="telegram:5", **claimed)

    assert only("closings_due") == 2
    assert only("closings_overdue") == 1
    assert only("closings_claimed") == 2
    assert only("closings_late") == 1


def test_a_closed_conversation_is_pending_until_it_is_archived() -> None:
    for number, (ended_at, archived_at) in enumerate(
        [(NOON - HOUR, None), (NOON - HOUR, NOON), (NOON - MINUTE, None)]
    ):
        closed = conversation(
            urn=f"telegram:{number}", resolution=Resolution.RESOLVED, ended_at=ended_at
        )
        closed.archived_at = archived_at
        closed.save()

    assert only("archives_pending") == 1


def test_an_erasure_is_pending_15_minutes_after_its_request_until_it_is_done() -> None:
    for minutes, erased_at in ((16, None), (16, NOON), (14, None)):
        Erasure.objects.create(
            project=project(),
            contact_hash=f"{minutes} {erased_at}",
            requested_at=NOON - minutes * MINUTE,
            erased_at=erased_at,
        )

    assert only("erasures_pending") == 1


def test_the_outbox_gauges_count_waiting_and_refused_events() -> None:
    assert only("lake_oldest_age_seconds") == 0
    outbox_row(1, created_at=NOON - 2 * HOUR, delivered_at=NOON - HOUR)
    outbox_row(2, created_at=NOON - HOUR)
    outbox_row(3, created_at=NOON - MINUTE)
    outbox_row(4, created_at=NOON - 3 * HOUR, refusal="too large")

    assert only("lake_waiting") == 2
    assert only("lake_oldest_age_seconds") == HOUR.total_seconds()
    assert only("lake_refused") == 1


def test_dead_letters_are_counted_by_reason_until_a_redrive_is_requested() -> None:
    dead_letter(1, reason="bug", queued_at=NOON - HOUR)
    dead_letter(2, reason="bug", queued_at=NOON - 2 * HOUR)
    dead_letter(3, reason="not_json", queued_at=NOON - MINUTE)
    dead_letter(4, reason="lost", queued_at=NOON - 3 * HOUR, redriven_at=NOON)
    dead_letter(5, reason="bug", queued_at=NOON - 4 * HOUR, redrive_requested_at=NOON)

    assert state()["conversations_dead_letters_waiting"] == {("bug",): 2, ("not_json",): 1}
    assert only("dead_letters_oldest_age_seconds") == 2 * HOUR.total_seconds()


def test_rare_reasons_are_counted_together() -> None:
    for number in range(45):
        dead_letter(number, reason=f"made-up-{number:02d}", queued_at=NOON)

    waiting = state()["conversations_dead_letters_waiting"]
    assert len(waiting) == 41
    assert waiting[("other",)] == 5


def test_the_age_of_the_last_tick_exists_after_beat_has_run() -> None:
    ensure_schedules()
    assert "conversations_beat_last_tick_age_seconds" not in state()

    PeriodicTask.objects.filter(task="tasks.closing.close_due_conversations").update(
        last_run_at=NOON - 10 * MINUTE
    )
    assert only("beat_last_tick_age_seconds") == timedelta(minutes=10).total_seconds()


def test_a_last_tick_in_the_future_has_a_negative_age() -> None:
    ensure_schedules()
    PeriodicTask.objects.update(last_run_at=NOON - timedelta(seconds=30))
    one = PeriodicTask.objects.get(name="Collect dead letters")
    PeriodicTask.objects.filter(pk=one.pk).update(last_run_at=NOON + timedelta(hours=1))

    assert only("beat_last_tick_age_seconds") == -timedelta(hours=1).total_seconds()


def test_the_number_in_progress_is_the_estimate_of_postgresql() -> None:
    for number in range(3):
        conversation(urn=f"telegram:{number}")
    conversation(urn="telegram:9", resolution=Resolution.RESOLVED, ended_at=NOON)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE conversations_conversation")

    assert only("in_progress_estimate") == 3


def test_with_many_rows_no_statement_reads_a_whole_table() -> None:
    project()
    parameters: dict[str, Any] = {"project": PROJECT, "channel": CHANNEL, "at": NOON, "many": MANY}
    with connection.cursor() as cursor:
        for statement in (MANY_CONVERSATIONS, MANY_OUTBOX_ROWS, MANY_DEAD_LETTERS):
            cursor.execute(statement, parameters)
        cursor.execute(f"ANALYZE {', '.join(BIG_TABLES)}")

    with CaptureQueriesContext(connection) as captured:
        only("closings_due")

    statements = [query["sql"] for query in captured if query["sql"].lstrip().startswith("SELECT")]
    read_tables = {table for table in BIG_TABLES if any(table in sql for sql in statements)}
    assert read_tables == set(BIG_TABLES)
    for statement in statements:
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN {statement}")
            plan = "\n".join(line for (line,) in cursor.fetchall())
        assert not re.search(rf"Seq Scan on ({'|'.join(BIG_TABLES)})", plan), plan


def test_a_scrape_has_the_gauges_of_queues_and_of_postgresql(sqs: Any, settings: Any) -> None:
    outbox_row(1, created_at=NOON)
    sqs.send_message(
        QueueUrl=settings.SQS_CONVERSATION_QUEUE_URL,
        MessageBody="{}",
        MessageGroupId="g",
        MessageDeduplicationId="1",
    )

    scrape = page()

    assert scrape.value("conversations_queue_visible_messages", queue="events") == 1
    assert scrape.value("conversations_queue_visible_messages", queue="dead_letters") == 0
    assert scrape.value("conversations_queue_in_flight_messages", queue="events") == 0
    assert scrape.value("conversations_lake_waiting") == 1
    assert scrape.value("conversations_state_errors_total", source="sqs") == 0
    assert scrape.value("conversations_state_errors_total", source="postgresql") == 0


def test_a_missing_queue_does_not_affect_the_rest_of_a_scrape(sqs: Any, settings: Any) -> None:
    settings.SQS_CONVERSATION_QUEUE_URL += "-gone.fifo"

    scrape = page()

    assert scrape.labels_of("conversations_queue_visible_messages") == []
    assert scrape.value("conversations_state_errors_total", source="sqs") == 1
    assert scrape.value("conversations_closings_due") == 0


def test_reading_leaves_no_connection_behind(sqs: Any) -> None:
    page()

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
        assert cursor.fetchone() == (0,)
