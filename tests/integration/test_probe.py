"""The probe performs the writes of each kind of event, and leaves no data behind."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import DatabaseError, connection
from django.db.migrations.recorder import MigrationRecorder

from apps.analytics.models import OutboxEvent, SurveyAnswer
from apps.common.errors import Unavailable
from apps.conversations.models import Conversation
from apps.conversations.project_models import Project
from apps.conversations.worker_models import WorkerProbe
from apps.messages.models import ConversationMessages
from celery_sqs_fifo import DONE, EventsFailed
from tasks.health import probe

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("aws")]


@contextmanager
def refusing_rows(table: str) -> Iterator[None]:
    """Let PostgreSQL refuse new rows of a table while the block runs."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'refused'; END $$;"
            f"CREATE TRIGGER refuse BEFORE INSERT ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION refuse()"
        )
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP FUNCTION refuse CASCADE")


def test_the_probe_commits_one_row_of_its_worker() -> None:
    probe.run()
    probe.run()

    assert WorkerProbe.objects.count() == 1
    for model in (Project, Conversation, SurveyAnswer, OutboxEvent, ConversationMessages):
        assert not model.objects.exists()


@pytest.mark.parametrize(
    ("model", "kind"),
    [
        (SurveyAnswer, "answer"),
        (OutboxEvent, "answer"),
        (ConversationMessages, "closing"),
    ],
)
def test_the_probe_names_the_kind_of_events_that_would_fail(model: type, kind: str) -> None:
    table = model._meta.db_table  # type: ignore[attr-defined]
    with refusing_rows(table), pytest.raises(EventsFailed) as failed:
        probe.run()

    outcomes = failed.value.outcomes
    assert outcomes[0] == DONE
    assert [outcome.reason for outcome in outcomes[1:]] == [kind]


@pytest.mark.parametrize("model", [Conversation, WorkerProbe])
def test_the_probe_fails_if_all_events_would_fail(model: type) -> None:
    table = model._meta.db_table  # type: ignore[attr-defined]
    with refusing_rows(table), pytest.raises(DatabaseError):
        probe.run()


def test_the_probe_fails_and_names_the_migrations_that_are_not_applied(
    caplog: pytest.LogCaptureFixture,
) -> None:
    recorder = MigrationRecorder(connection)
    recorder.record_unapplied("conversations", "0001_initial")
    try:
        with pytest.raises(Unavailable, match="migrations are not applied"):
            probe.run()
    finally:
        recorder.record_applied("conversations", "0001_initial")

    (line,) = [one for one in caplog.records if one.message == "migrations_missing"]
    assert line.__dict__["migrations"] == ["conversations.0001_initial"]
