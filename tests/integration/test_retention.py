"""Beat deletes what is beyond its retention, in bounded runs that do not reread deleted rows."""

import io
import json
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django_celery_beat.models import PeriodicTask

from apps.analytics.figures import Period, Scope, figures
from apps.analytics.models import OutboxEvent, SurveyAnswer
from apps.common import clock, expiry
from apps.conversations import spans
from apps.conversations.audit_models import AuditEntry
from apps.conversations.contacts import Contact
from apps.conversations.models import Conversation, Resolution
from apps.conversations.project_models import Project
from apps.conversations.span_models import AttributedEvent, Span
from apps.messages import archive_retention
from apps.messages.models import ConversationMessages, DeadLetter
from tasks import retention
from tasks.schedules import ensure_schedules
from tests.support.builders import CHANNEL, PROJECT, URN, contact, conversation, entries, project
from tests.support.services import answer_recorded
from tests.support.sessions import started
from tests.support.stored import archive_many

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("_no_queue", "aws")]

DAY = timedelta(days=1)
KEPT_FOR = 30 * DAY
SETTINGS: dict[Any, str] = {
    Conversation: "RETENTION_CONVERSATIONS",
    SurveyAnswer: "RETENTION_ANSWERS",
    DeadLetter: "RETENTION_DEAD_LETTERS",
    AuditEntry: "RETENTION_AUDIT",
}
QUEUED: list[str] = []


@pytest.fixture
def _no_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    """Note in QUEUED that a run queues another one."""
    QUEUED.clear()

    def queue(*, deduplication_id: str) -> None:
        QUEUED.append(deduplication_id)

    monkeypatch.setattr(retention.delete_expired, "apply_async", queue)
    monkeypatch.setattr(retention, "close_old_connections", lambda: None)


def everything(age: timedelta, *, urn: str = URN) -> Conversation:
    """Store a row of each kind, of this age, and return the conversation."""
    at = clock.now() - age
    closed = conversation(
        urn=urn, opened_at=at - timedelta(hours=1), ended_at=at, resolution=Resolution.RESOLVED
    )
    archive_many(conversation_uuid=closed.uuid, entries=entries(number=3, start=at))
    answer_recorded(of=contact(urn=f"{urn}-guest"), to=None, key="weni_csat", value="5", at=at)
    OutboxEvent.objects.update(delivered_at=at)
    DeadLetter.objects.create(
        message_id=f"letter of {urn}",
        group_id="group",
        sequence_number=1,
        body="{}",
        reason="bug",
        queue_time=at,
        receive_count=1,
        collected_at=at,
    )
    AuditEntry.objects.create(at=at, actor=urn, source="command", action="run")
    return closed


def numbers() -> list[int]:
    """Return how many rows of each kind there are."""
    return [model.objects.count() for model in SETTINGS]


def test_nothing_is_deleted_unless_a_retention_is_set() -> None:
    everything(5_000 * DAY)

    retention.delete_expired()

    assert numbers() == [1, 1, 1, 1]
    assert ConversationMessages.objects.count() == 1


@pytest.mark.parametrize("model", SETTINGS)
def test_each_kind_has_a_retention_of_its_own(model: Any, settings: Any) -> None:
    everything(KEPT_FOR + DAY, urn="telegram:old")
    everything(KEPT_FOR - DAY, urn="telegram:young")
    setattr(settings, SETTINGS[model], KEPT_FOR)

    retention.delete_expired()

    expected = [1 if one is model else 2 for one in SETTINGS]
    assert numbers() == expected
    assert not QUEUED


def test_a_conversation_is_deleted_with_its_spans_archive_and_answers(settings: Any) -> None:
    settings.RETENTION_CONVERSATIONS = KEPT_FOR
    closed = everything(KEPT_FOR + DAY)
    answer_recorded(to=closed.uuid, key="weni_nps", value="9", at=clock.now() - KEPT_FOR)
    OutboxEvent.objects.update(delivered_at=clock.now())

    retention.delete_expired()

    assert not Conversation.objects.exists()
    assert not Span.objects.exists()
    assert not ConversationMessages.objects.exists()
    assert SurveyAnswer.objects.filter(key="weni_nps").count() == 0


def test_deleted_rows_stay_in_the_figures(settings: Any) -> None:
    settings.RETENTION_CONVERSATIONS = settings.RETENTION_ANSWERS = KEPT_FOR
    closed = everything(KEPT_FOR + DAY)
    answer_recorded(to=closed.uuid, key="weni_nps", value="9", at=clock.now() - KEPT_FOR)
    OutboxEvent.objects.update(delivered_at=clock.now())
    period = Period.of_days(40, last=clock.now().date())
    before = figures(scope=Scope(), period=period)
    assert (before.openings.opened, before.surveys.nps.answers) == (1, 1)

    retention.delete_expired()

    assert not Conversation.objects.exists()
    assert not SurveyAnswer.objects.exists()
    assert figures(scope=Scope(), period=period) == before


def test_an_answer_is_deleted_with_its_attribution(settings: Any) -> None:
    settings.RETENTION_ANSWERS = KEPT_FOR
    everything(KEPT_FOR + DAY)
    answer = SurveyAnswer.objects.get()
    for number in (answer.sequence_number - 1, answer.sequence_number, answer.sequence_number + 1):
        AttributedEvent.objects.create(
            project_id=PROJECT,
            channel_uuid=CHANNEL,
            contact_urn=answer.contact_urn,
            group_id=answer.group_id,
            sequence_number=number,
        )

    retention.delete_expired()

    (kept,) = AttributedEvent.objects.all()
    assert kept.sequence_number == answer.sequence_number + 1


def test_what_the_data_lake_has_still_to_receive_is_kept(settings: Any) -> None:
    settings.RETENTION_CONVERSATIONS = settings.RETENTION_ANSWERS = KEPT_FOR
    closed = everything(KEPT_FOR + DAY)
    answer_recorded(to=closed.uuid, key="weni_nps", value="9", at=clock.now() - KEPT_FOR)
    OutboxEvent.objects.update(delivered_at=None)

    retention.delete_expired()
    assert (Conversation.objects.count(), SurveyAnswer.objects.count()) == (1, 2)

    OutboxEvent.objects.update(delivered_at=clock.now())
    retention.delete_expired()
    assert (Conversation.objects.count(), SurveyAnswer.objects.count()) == (0, 0)


def test_a_letter_to_be_redriven_is_kept(settings: Any) -> None:
    settings.RETENTION_DEAD_LETTERS = KEPT_FOR
    everything(KEPT_FOR + DAY)
    DeadLetter.objects.update(redrive_requested_at=clock.now())

    retention.delete_expired()

    assert DeadLetter.objects.count() == 1


def test_a_conversation_whose_contact_is_locked_is_left_to_a_later_run(settings: Any) -> None:
    settings.RETENTION_CONVERSATIONS = KEPT_FOR
    everything(KEPT_FOR + DAY, urn="telegram:busy")
    everything(KEPT_FOR + DAY, urn="telegram:idle")

    with transaction.atomic():
        spans.lock_contact(Contact(project_uuid=PROJECT, channel_uuid=CHANNEL, urn="telegram:busy"))
        thread = started(retention.delete_expired)
        thread.join(timeout=30)

    assert not thread.is_alive()
    assert Conversation.objects.get().contact_urn == "telegram:busy"


def test_a_run_is_bounded_and_queues_the_next_one(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.RETENTION_AUDIT = KEPT_FOR
    monkeypatch.setattr(retention, "MAX_PAGES", 2)
    monkeypatch.setattr(expiry, "PAGE", 3)
    for number in range(8):
        AuditEntry.objects.create(
            at=clock.now() - KEPT_FOR - DAY, actor=str(number), source="command", action="run"
        )

    retention.delete_expired()
    assert (AuditEntry.objects.count(), len(QUEUED)) == (2, 1)
    retention.delete_expired()
    assert (AuditEntry.objects.count(), len(QUEUED)) == (0, 1)


def test_archives_are_deleted_by_the_task_and_late_messages_by_the_next_run() -> None:
    closed = everything(KEPT_FOR + DAY)
    Project.objects.update(archive_retention=KEPT_FOR)

    retention.delete_expired()
    assert not ConversationMessages.objects.exists()
    closed.refresh_from_db()
    assert closed.archive_deleted_at

    archive_many(
        conversation_uuid=closed.uuid,
        entries=entries(number=1, start=clock.now() - KEPT_FOR - DAY),
    )
    retention.delete_expired()
    assert not ConversationMessages.objects.exists()


def test_beat_deletes_every_hour() -> None:
    ensure_schedules()

    schedule = PeriodicTask.objects.get(task="tasks.retention.delete_expired")
    assert schedule.interval.schedule.run_every == timedelta(hours=1)


def test_a_dry_run_lists_every_kind_and_deletes_nothing(settings: Any) -> None:
    for name in SETTINGS.values():
        setattr(settings, name, KEPT_FOR)
    everything(KEPT_FOR + DAY)
    Project.objects.update(archive_retention=KEPT_FOR)
    output = io.StringIO()

    call_command("retention", "--dry-run", stdout=output)

    assert output.getvalue().splitlines() == [
        f"{PROJECT}: 3 messages of 1 conversation to delete.",
        "answers, kept for 30d: 1 answer to delete.",
        "conversations, kept for 30d: 1 conversation to delete.",
        "dead letters, kept for 30d: 1 dead letter to delete.",
        "audit entries, kept for 30d: 1 audit entry to delete.",
        "This was a dry run. Nothing was deleted.",
    ]
    assert numbers() == [1, 1, 1, 1]


def test_the_command_deletes_every_kind_and_records_it(settings: Any) -> None:
    for name in SETTINGS.values():
        setattr(settings, name, KEPT_FOR)
    everything(KEPT_FOR + DAY)

    call_command("retention", "--yes", stdout=io.StringIO())

    assert numbers() == [0, 0, 0, 4]
    entries_made = AuditEntry.objects.values_list("object_type", "detail").order_by("object_type")
    assert list(entries_made) == [
        (name, {"rows": 1})
        for name in ("audit entry", "conversation", "dead letter", "survey answer")
    ]


MANY = 20_000
# All are beyond the retention. Half are of another project. The archives of all but ten go after
# PostgreSQL has gathered its statistics.
FILL = """
INSERT INTO conversations_conversation (
    uuid, project_id, channel_uuid, contact_urn, contact_name, group_id, external_id, started_at,
    opened_at, closes_at, ended_at, resolution, has_chats_room, message_count
)
SELECT md5('conversation ' || n)::uuid, (%(projects)s::uuid[])[1 + n %% 2], %(channel)s,
    'telegram:' || n, '', 'group', '', at, at, at, at, 0, false, 0
FROM (
    SELECT n, %(old)s::timestamptz - (%(many)s - n) * interval '1 minute' AS at
    FROM generate_series(1, %(many)s) AS n
) AS made;
"""
GO = """
UPDATE conversations_conversation SET archive_deleted_at = ended_at
WHERE project_id = %(project)s AND ended_at < %(old)s::timestamptz - interval '20 minutes'
"""


def test_a_run_does_not_read_conversations_whose_archives_went_long_ago() -> None:
    other = Project.objects.create()
    ours = project()
    Project.objects.update(archive_retention=KEPT_FOR)
    parameters: dict[str, Any] = {
        "project": str(PROJECT),
        "projects": [str(other.uuid), str(PROJECT)],
        "channel": str(CHANNEL),
        "old": clock.now() - KEPT_FOR - DAY,
        "many": MANY,
    }
    with connection.cursor() as cursor:
        for statement in (FILL, "ANALYZE", GO, "VACUUM"):
            cursor.execute(statement, parameters)

    ours.refresh_from_db()
    with transaction.atomic(), CaptureQueriesContext(connection) as queries:
        page = archive_retention.delete_page(project=ours, now=clock.now())
        transaction.set_rollback(True)

    assert page.conversations == 10
    reads = [one["sql"] for one in queries if 'FROM "conversations_conversation"' in one["sql"]]
    assert reads
    for statement in reads:
        plan = explained(statement)
        assert "archives_by_age" in json.dumps(plan) or "pkey" in json.dumps(plan)
        assert blocks(plan) < 60, statement


def explained(statement: str) -> dict[str, Any]:
    """Run the statement, and return its plan with the blocks that were read."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}")
        (plan,) = cursor.fetchone()[0]
    found: dict[str, Any] = plan["Plan"]
    return found


def blocks(plan: dict[str, Any]) -> int:
    """Return how many blocks a statement read, from memory or from disk."""
    return int(plan["Shared Hit Blocks"]) + int(plan["Shared Read Blocks"])
