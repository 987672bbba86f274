"""`manage.py retention` deletes archives that are older than their project's retention."""

import io
import logging
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from apps.common import clock
from apps.conversations.models import Conversation, Resolution
from apps.conversations.project_models import Project
from apps.messages import archive_retention, message_table
from apps.messages.models import ConversationMessages
from tasks import retention
from tests.support.builders import PROJECT, conversation, entries, entry, found, project
from tests.support.stored import (
    archive_many,
    counted_calls,
    every_item,
    every_row_version,
    store_many,
    unarchived_items,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("aws")]

DAY = timedelta(days=1)
KEPT_FOR = 30 * DAY


@pytest.fixture(autouse=True)
def _now() -> None:
    """Set the archive retention of the project to thirty days."""
    project()
    Project.objects.update(archive_retention=KEPT_FOR)


def archived(*, ended_at: datetime, number: int = 3, **fields: Any) -> Conversation:
    """Create a closed conversation with this number of archived messages."""
    closed = conversation(
        resolution=fields.pop("resolution", Resolution.RESOLVED),
        opened_at=ended_at - timedelta(hours=1),
        ended_at=ended_at,
        **fields,
    )
    messages = entries(number=number, start=ended_at - timedelta(hours=1))
    store_many(conversation_uuid=closed.uuid, entries=messages)
    archive_many(conversation_uuid=closed.uuid, entries=messages)
    return closed


def old(**fields: Any) -> Conversation:
    """Create a conversation whose archive has been older than the retention for one day."""
    return archived(ended_at=clock.now() - KEPT_FOR - DAY, **fields)


def run(*options: str) -> str:
    """Run the command without its question. Return its output."""
    output = io.StringIO()
    call_command("retention", "--yes", *options, stdout=output)
    return output.getvalue()


def test_the_copies_in_dynamodb_are_deleted_with_the_archive() -> None:
    kept = archived(ended_at=clock.now() - DAY, urn="telegram:2002")
    old()

    run()

    assert {item["conversation_uuid"]["S"] for item in every_item()} == {str(kept.uuid)}


def test_messages_that_are_not_archived_stay_in_dynamodb(monkeypatch: pytest.MonkeyPatch) -> None:
    reopened = old()
    real = message_table.pages

    def reopen_first(uuid: UUID, **options: Any) -> Iterator[Any]:
        open_again = {"resolution": Resolution.IN_PROGRESS, "ended_at": None}
        Conversation.objects.filter(pk=reopened.pk).update(**open_again)
        store_many(conversation_uuid=reopened.pk, entries=[entry(message_id="new")])
        return real(uuid, **options)

    monkeypatch.setattr(message_table, "pages", reopen_first)
    run()
    monkeypatch.undo()

    assert parts_of(reopened) == 1
    assert len(unarchived_items()) == 1


def test_conversations_without_an_archive_cost_no_call_to_dynamodb() -> None:
    for number in range(5):
        conversation(
            urn=f"telegram:{number}",
            resolution=Resolution.RESOLVED,
            ended_at=clock.now() - KEPT_FOR - DAY,
        )

    with counted_calls() as calls:
        tuple(retention.delete_archives(Project.objects.get(), at=clock.now()))

    assert calls == {}
    assert not Conversation.objects.filter(archive_deleted_at=None).exists()


def parts_of(closed: Conversation) -> int:
    """Return the number of parts of an archive."""
    return ConversationMessages.objects.filter(conversation=closed).count()


def test_expired_archives_are_deleted_and_others_kept() -> None:
    too_old = old()
    young = archived(ended_at=clock.now() - KEPT_FOR + DAY)
    before = Conversation.objects.get(pk=young.pk)

    output = run()

    assert f"{PROJECT}: deleted 3 messages of 1 conversation." in output
    assert (parts_of(too_old), parts_of(young)) == (0, 1)
    assert Conversation.objects.get(pk=young.pk).message_count == before.message_count == 3


def test_the_conversation_stays_with_its_span_and_without_messages() -> None:
    too_old = old()
    too_old.refresh_from_db()
    span = too_old.first_message_at, too_old.last_message_at

    run()

    too_old.refresh_from_db()
    assert too_old.message_count == 0
    assert (too_old.first_message_at, too_old.last_message_at) == span


def test_a_late_message_joins_its_conversation_and_is_deleted_by_the_next_run() -> None:
    too_old = old()
    too_old.refresh_from_db()
    assert too_old.first_message_at
    run()

    place = found(sent_at=too_old.first_message_at)
    assert (place.conversation_uuid, place.late) == (too_old.uuid, True)
    span = too_old.first_message_at, too_old.last_message_at
    late = entry(message_id="late", at=too_old.first_message_at)
    archive_many(conversation_uuid=too_old.uuid, entries=[late])
    too_old.refresh_from_db()
    assert too_old.message_count == 1
    assert (too_old.first_message_at, too_old.last_message_at) == span

    assert "deleted 1 message of 1 conversation." in run()
    assert parts_of(too_old) == 0


def test_projects_without_retention_and_open_conversations_are_kept() -> None:
    forever = old()
    Project.objects.update(archive_retention=None)
    assert "There is nothing to delete." in run()
    Project.objects.update(archive_retention=KEPT_FOR)
    Conversation.objects.update(resolution=Resolution.IN_PROGRESS, ended_at=None)
    assert "There is nothing to delete." in run()

    assert parts_of(forever) == 1


def test_only_the_given_project_is_changed() -> None:
    here, there = old(), old(urn="telegram:2")
    other = Project.objects.create(uuid=uuid4(), archive_retention=KEPT_FOR)
    Conversation.objects.filter(pk=there.pk).update(project=other)

    run(f"--project={other.uuid}")

    assert (parts_of(here), parts_of(there)) == (1, 0)


def test_many_archives_are_deleted_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive_retention, "CONVERSATIONS_PER_TRANSACTION", 3)
    for number in range(10):
        old(urn=f"telegram:{number}", number=1)

    assert "deleted 10 messages of 10 conversations." in run()

    assert not ConversationMessages.objects.exists()


def test_after_a_kill_between_batches_the_next_run_continues(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(archive_retention, "CONVERSATIONS_PER_TRANSACTION", 3)
    for number in range(5):
        old(urn=f"telegram:{number}", number=1)
    real = archive_retention.delete_page
    calls: list[datetime] = []

    def killed_at_the_second(**arguments: Any) -> Any:
        calls.append(arguments["now"])
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(**arguments)

    with monkeypatch.context() as patch:
        patch.setattr(retention, "delete_page", killed_at_the_second)
        with pytest.raises(KeyboardInterrupt):
            run()
    assert ConversationMessages.objects.count() == 2

    assert "deleted 2 messages of 2 conversations." in run()


def test_a_locked_conversation_is_left_to_the_next_run() -> None:
    busy, idle = old(), old(urn="telegram:2")
    locked, may_commit = threading.Event(), threading.Event()

    def archive_slowly() -> None:
        try:
            with transaction.atomic():
                archive_many(conversation_uuid=busy.uuid, entries=[entry(message_id="late")])
                locked.set()
                may_commit.wait(timeout=20)
        finally:
            connection.close()

    thread = threading.Thread(target=archive_slowly)
    thread.start()
    assert locked.wait(timeout=10)
    run()
    may_commit.set()
    thread.join(timeout=30)

    assert (parts_of(busy), parts_of(idle)) == (1, 0)
    assert "deleted 4 messages of 1 conversation." in run()


def test_a_dry_run_reports_expired_archives_and_deletes_nothing() -> None:
    old()
    before = every_row_version()

    output = run("--dry-run")

    assert f"{PROJECT}: 3 messages of 1 conversation to delete." in output
    assert "This was a dry run. Nothing was deleted." in output
    assert every_row_version() == before


@pytest.mark.parametrize("typed", ["no", None])
def test_nothing_is_deleted_unless_the_answer_is_yes(
    monkeypatch: pytest.MonkeyPatch, typed: str | None
) -> None:
    old()
    before = every_row_version()

    def type_in(_question: str) -> str:
        if typed is None:
            raise EOFError
        return typed

    monkeypatch.setattr("builtins.input", type_in)
    with pytest.raises(CommandError, match=r"^Nothing was done: .+\.$"):
        call_command("retention", stdout=io.StringIO())

    assert every_row_version() == before


def test_yes_continues(monkeypatch: pytest.MonkeyPatch) -> None:
    too_old = old()
    monkeypatch.setattr("builtins.input", lambda _question: "yes")

    call_command("retention", stdout=io.StringIO())

    assert parts_of(too_old) == 0


@pytest.mark.parametrize("text", ["shop", "11111111-2222-4333-8444-555555555555"])
def test_an_unknown_project_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(CommandError, match=r"is not a UUID: write |^There is no project"):
        run(f"--project={text}")


def test_a_project_without_retention_is_refused() -> None:
    Project.objects.update(archive_retention=None)
    with pytest.raises(CommandError, match=r"archives are kept for ever"):
        run(f"--project={PROJECT}")


def test_the_log_has_ids_and_numbers(caplog: pytest.LogCaptureFixture) -> None:
    old()
    with caplog.at_level(logging.INFO, logger="tasks"):
        run()

    (record,) = caplog.records
    fields = vars(record)
    assert (fields["project_uuid"], fields["conversations"], fields["messages"]) == (
        str(PROJECT),
        1,
        3,
    )
