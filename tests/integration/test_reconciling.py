"""After a restore of PostgreSQL, the messages in DynamoDB restore what PostgreSQL lacks."""

import io
import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta
from typing import Any
from unittest.mock import patch
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction

from apps.analytics.models import OutboxEvent, SurveyAnswer
from apps.common import clock
from apps.common.errors import Unavailable
from apps.conversations.audit_models import AuditEntry
from apps.conversations.models import Conversation, Resolution
from apps.conversations.span_models import AttributedEvent
from apps.messages import message_table
from apps.messages.archiving import migrate
from tests.support.builders import (
    HOME,
    NOON,
    URN,
    close_body,
    deletion_body,
    deliver,
    entry,
    message_body,
    noise,
    queued_event,
    survey_body,
    window_body,
)
from tests.support.erasures import carry_out, erase, request
from tests.support.service_queue import ServiceQueue
from tests.support.stored import (
    archived_ids,
    every_item,
    every_row,
    every_row_version,
    store_many,
    stored_ids,
    written_entries,
)

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("aws", "outbox_hints"),
]

SECOND = timedelta(seconds=1)


@pytest.fixture
def events(queue: ServiceQueue, monkeypatch: pytest.MonkeyPatch) -> ServiceQueue:
    """The events' queue, to which messages are sent again."""
    monkeypatch.setattr("django.conf.settings.SQS_CONVERSATION_QUEUE_URL", queue.url)
    return queue


@contextmanager
def forgotten() -> Iterator[None]:
    """Restore PostgreSQL, at the end of the block, to what it was at the beginning."""
    # Steps close a connection that has a transaction.
    steps = ("tasks.pipeline", "tasks.closing")
    with ExitStack() as patches, transaction.atomic():
        for module in steps:
            patches.enter_context(patch(f"{module}.close_old_connections"))
        yield
        transaction.set_rollback(True)


def happen(*bodies: str, after: int = 0, group: str = HOME) -> None:
    """Deliver events, a second apart."""
    for number, body in enumerate(bodies, start=after):
        event = queued_event(body=body, sent_at=NOON + number * SECOND, group_id=group)
        outcome = deliver(event=event)
        assert outcome is None, outcome


def text(message_id: str, **fields: Any) -> str:
    """Return a message of the contact, without a time of its own."""
    return message_body(message={"id": message_id, "created_at": "", **fields})


def sent(message_id: str) -> str:
    """Return a message to the contact."""
    return message_body(event_type="message.sent", message={"id": message_id, "created_at": ""})


def answer(message_id: str, *, value: str = "5") -> str:
    """Return an answer with a text."""
    message = {"id": message_id, "text": value, "source": "incoming"}
    return survey_body(value=value, message=message)


def reconcile(*arguments: str) -> str:
    """Run the command. Return its output."""
    output = io.StringIO()
    since = (clock.now() - timedelta(minutes=1)).isoformat()
    call_command("conversations", "reconcile", "--since", since, "--yes", *arguments, stdout=output)
    return output.getvalue()


def found() -> dict[str, dict[str, str]]:
    """Run the doctor. Return the findings that can be reconciled, by check."""
    output = io.StringIO()
    since = (clock.now() - timedelta(minutes=1)).isoformat()
    with suppress(CommandError):
        call_command("doctor", "--json", "--after-restore", since, stdout=output)
    return {one["check"]: one for one in json.loads(output.getvalue())["findings"]}


def problems() -> set[str]:
    """Return the checks of the doctor that find an error."""
    return {check for check, one in found().items() if one["status"] == "error"}


def the_conversation() -> Conversation:
    """Return the only conversation."""
    return Conversation.objects.get()


def is_due(chat: Conversation) -> bool:
    """Return whether a search for messages that its archive lacks is due."""
    return chat.archive_check_at is not None and chat.archive_check_at <= clock.now()


def state() -> dict[str, list[str]]:
    """Return what PostgreSQL has of conversations, spans and answers, without ids and clocks."""
    volatile = ("id", "archive_check_at", "due_at", "created_at", "answer_id", "event_id")
    rows = every_row()
    kept = ("conversations_conversation", "conversations_span", "analytics_surveyanswer")
    return {
        table: sorted(
            json.dumps({k: v for k, v in json.loads(row).items() if k not in volatile})
            for row in rows[table]
        )
        for table in kept
    }


HISTORIES = {
    "a message of the contact": [text("m-1"), sent("m-2")],
    "a message of the bot first": [sent("m-1"), text("m-2")],
    "a large message first": [text("m-1", text=noise(700_000)), sent("m-2")],
    "an answer in between": [text("m-1"), answer("m-2"), sent("m-3")],
    "two answers of one form": [text("m-1"), answer("m-2", value="4"), answer("m-3")],
    "a name that comes later": [text("m-1", contact_name=""), text("m-2")],
}


@pytest.mark.parametrize("bodies", HISTORIES.values(), ids=HISTORIES)
def test_an_unknown_conversation_is_what_it_was(bodies: list[str], events: ServiceQueue) -> None:
    with forgotten():
        happen(*bodies)
        before, items = state(), len(every_item())
        uuid = the_conversation().uuid
    assert not Conversation.objects.exists()
    assert "restore.conversations" in problems()

    reconcile()
    events.work()

    assert state() == before
    assert the_conversation().uuid == uuid
    assert len(every_item()) == items
    assert not problems()


def test_a_conversation_that_a_window_opened_opens_again_without_the_window(
    events: ServiceQueue,
) -> None:
    with forgotten():
        happen(window_body(), sent("m-1"), text("m-2"))
        before = the_conversation()

    reconcile()
    events.work()

    after = the_conversation()
    assert (after.uuid, after.opened_at) == (before.uuid, before.opened_at)
    assert (after.written_at, after.external_id) == (before.written_at, "")
    assert sorted(stored_ids(after)) == ["m-1", "m-2"]
    assert not problems()


@pytest.mark.parametrize("bodies", HISTORIES.values(), ids=HISTORIES)
def test_reconciling_twice_changes_nothing_more(bodies: list[str], events: ServiceQueue) -> None:
    with forgotten():
        happen(*bodies)

    reconcile()
    events.work()
    rows, items = every_row_version(), every_item()
    output = reconcile()

    assert "Opened again" not in output
    assert events.work() == []
    assert every_row_version() == rows
    assert every_item() == items


def test_a_conversation_ends_where_the_next_one_of_its_contact_begins(
    events: ServiceQueue,
) -> None:
    happen(text("m-1"))
    first = the_conversation().uuid
    with forgotten():
        happen(
            sent("m-2"), close_body(), text("m-3"), close_body(resolution=1), text("m-4"), after=1
        )
        uuids = list(Conversation.objects.order_by("opened_at").values_list("uuid", flat=True))

    reconcile()
    events.work()

    rows = Conversation.objects.order_by("opened_at")
    assert [row.uuid for row in rows] == uuids
    assert uuids[0] == first
    assert [row.resolution for row in rows] == [
        Resolution.UNCLASSIFIED,
        Resolution.UNCLASSIFIED,
        Resolution.IN_PROGRESS,
    ]
    for row in rows:
        migrate(conversation_uuid=row.uuid, now=clock.now())
    assert [archived_ids(row) for row in rows] == [["m-1", "m-2"], ["m-3"], ["m-4"]]


def test_an_answer_keeps_the_event_id_that_the_lake_has(events: ServiceQueue) -> None:
    with forgotten():
        happen(text("m-1"), close_body(), answer("m-2"))
        (before,) = OutboxEvent.objects.values_list("event_id", flat=True)

    reconcile()
    events.work()

    assert list(OutboxEvent.objects.values_list("event_id", flat=True)) == [before]


def test_an_answer_belongs_to_the_conversation_under_which_its_text_is_stored(
    events: ServiceQueue,
) -> None:
    """Without the close, the answer would belong to the conversation before."""
    happen(text("m-1"), close_body(), sent("campaign"))
    with forgotten():
        happen(close_body(), answer("m-2"), after=3)
        (before,) = SurveyAnswer.objects.values_list("conversation_id", flat=True)

    assert "restore.events" in problems()
    reconcile()
    events.work()

    assert list(SurveyAnswer.objects.values_list("conversation_id", flat=True)) == [before]
    assert AttributedEvent.objects.count() == 1
    assert not problems()


def test_a_first_message_in_a_known_conversation_counts_as_writing(events: ServiceQueue) -> None:
    happen(sent("campaign"))
    with forgotten():
        happen(text("m-1"), after=1)
        written_at = the_conversation().written_at
    assert the_conversation().written_at is None

    reconcile()
    events.work()

    assert the_conversation().written_at == written_at
    assert the_conversation().contact_name


def test_a_message_of_another_group_is_within_the_span_again(events: ServiceQueue) -> None:
    happen(text("m-1"))
    with forgotten():
        happen(text("m-2"), after=1, group="another")
        spans = state()["conversations_span"]

    reconcile()
    events.work()

    assert state()["conversations_span"] == spans


def test_a_closed_conversation_is_searched_for_what_its_archive_lacks(
    events: ServiceQueue,
) -> None:
    happen(text("m-1"), close_body())
    late = queued_event(body=text("m-2"), sent_at=NOON + 0.5 * SECOND)
    Conversation.objects.update(archive_check_at=None)
    with forgotten():
        deliver(event=late)
        assert archived_ids(the_conversation()) == ["m-1", "m-2"]
    assert archived_ids(the_conversation()) == ["m-1"]
    assert problems() == {"restore.archives"}

    reconcile()

    assert is_due(the_conversation())
    migrate(conversation_uuid=the_conversation().uuid, now=clock.now())
    assert archived_ids(the_conversation()) == ["m-1", "m-2"]
    assert not problems()


def test_a_message_after_a_lost_reopening_opens_no_other_conversation(
    events: ServiceQueue,
) -> None:
    happen(sent("m-1"), close_body())
    chat = the_conversation()
    # It was written after the conversation had been reopened.
    store_many(
        conversation_uuid=chat.uuid, entries=[entry(message_id="m-2", at=NOON + 60 * SECOND)]
    )

    reconcile()
    events.work()

    assert the_conversation() == chat
    assert stored_ids(chat) == ["m-2"]
    assert is_due(the_conversation())


def test_a_conversation_without_a_contact_is_listed_and_can_be_read(events: ServiceQueue) -> None:
    uuid = uuid4()
    messages = [entry(message_id="m-1"), entry(message_id="m-2", at=NOON + SECOND)]
    store_many(conversation_uuid=uuid, entries=messages)

    nameless = found()["restore.nameless"]
    assert nameless["status"] == "warning"
    assert str(uuid) in nameless["found"]
    assert (
        "2 messages, queued from 2026-11-23T12:00:00+00:00 to 2026-11-23T12:00:01"
        in (nameless["found"])
    )
    assert nameless["remedy"].endswith(f"conversations show --raw {uuid}")

    reconcile()

    assert not Conversation.objects.exists()
    output = io.StringIO()
    call_command("conversations", "show", "--raw", str(uuid), stdout=output)
    items = [json.loads(line) for line in output.getvalue().splitlines()]
    assert [item["entry"]["id"] for item in items] == ["m-1", "m-2"]
    assert AuditEntry.objects.filter(action="read", object_id=str(uuid)).exists()


def test_reading_a_conversation_that_is_nowhere_is_refused() -> None:
    with pytest.raises(CommandError, match="There is no conversation"):
        call_command("conversations", "show", "--raw", str(uuid4()))


def test_a_contact_that_was_erased_meanwhile_stays_erased(events: ServiceQueue) -> None:
    happen(text("m-1"))
    with forgotten():
        happen(close_body(), text("m-2"), window_body(), after=1)
    erase()
    assert [one["entry"]["S"] for one in every_item() if "m-2" in str(one)]
    assert problems() == {"restore.erased"}

    reconcile()

    assert every_item() == []
    assert not Conversation.objects.exists()
    assert events.work() == []


def test_an_erasure_deletes_the_item_of_the_window_that_opened_a_conversation() -> None:
    happen(window_body())
    assert URN in str(every_item())

    erase()

    assert every_item() == []


def test_a_conversation_that_began_after_an_erasure_opens_again(events: ServiceQueue) -> None:
    happen(text("m-1"))
    carry_out(request(now=NOON + SECOND), at=NOON + SECOND)
    with forgotten():
        happen(text("m-2"), after=5)
        uuid = the_conversation().uuid

    reconcile()

    assert the_conversation().uuid == uuid
    assert [one.message_id for one in written_entries(conversation_uuid=uuid)] == ["m-2"]


def test_messages_join_a_conversation_that_opened_before_they_were_reconciled(
    events: ServiceQueue,
) -> None:
    """Somebody started the workers first."""
    with forgotten():
        happen(text("m-1"), answer("m-2"))
    happen(text("m-3"), after=10)
    chat = the_conversation()

    output = reconcile()
    events.work()

    assert "Part of other conversations by now: 1 conversation." in output
    assert the_conversation() == chat
    assert sorted(stored_ids(chat)) == ["m-1", "m-2", "m-3"]
    assert SurveyAnswer.objects.get().conversation_id == chat.uuid
    assert not problems()


def test_a_dry_run_changes_nothing(events: ServiceQueue) -> None:
    with forgotten():
        happen(text("m-1"), answer("m-2"))
    rows, items = every_row_version(), every_item()

    output = reconcile("--dry-run")
    found()

    assert "1 conversation is not in PostgreSQL, with 2 messages in DynamoDB." in output
    assert every_row_version() == rows
    assert every_item() == items
    assert events.work() == []


def test_reconciling_is_in_the_audit_log(events: ServiceQueue) -> None:
    with forgotten():
        happen(text("m-1"))

    reconcile()

    assert AuditEntry.objects.get().action == "reconcile"


def test_items_from_before_the_restored_time_are_not_read(
    events: ServiceQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_many(conversation_uuid=uuid4(), entries=[entry()])
    later = clock.now() + timedelta(minutes=10)
    monkeypatch.setattr("operations.management.command_line.now", lambda: later)
    output = io.StringIO()

    call_command("doctor", "--json", "--after-restore", later.isoformat(), stdout=output)

    (nameless,) = (
        one
        for one in json.loads(output.getvalue())["findings"]
        if one["check"] == "restore.nameless"
    )
    assert nameless["status"] == "ok"


def test_a_page_for_which_there_is_no_capacity_is_asked_for_again(
    events: ServiceQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    with forgotten():
        happen(text("m-1"))
    refusals = iter([Unavailable("DynamoDB", "no capacity")] * 2)
    pauses: list[float] = []
    scan = message_table._scan

    def scan_or_refuse(request: Any) -> Any:
        if refusal := next(refusals, None):
            raise refusal
        return scan(request)

    monkeypatch.setattr(message_table, "_scan", scan_or_refuse)
    monkeypatch.setattr("apps.messages.message_table.time.sleep", pauses.append)

    assert "1 conversation is not in PostgreSQL" in reconcile("--dry-run")
    assert pauses == [1.0, 2.0]


def test_an_outage_of_dynamodb_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_request: Any) -> Any:
        raise Unavailable("DynamoDB", "it is down")

    monkeypatch.setattr(message_table, "_scan", refuse)
    monkeypatch.setattr("apps.messages.message_table.time.sleep", lambda _seconds: None)

    assert found()["restore"]["status"] == "error"


def test_conversations_open_in_order_even_if_few_fit_into_memory(
    events: ServiceQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("operations.restoring.reconciling.MAX_OPENINGS", 1)
    with forgotten():
        for number in range(5):
            happen(text(f"m-{number}"), close_body(), after=10 * number)
        uuids = list(Conversation.objects.order_by("opened_at").values_list("uuid", flat=True))

    reconcile()

    rows = Conversation.objects.order_by("opened_at")
    assert [row.uuid for row in rows] == uuids
    assert [row.ended_at is None for row in rows] == [False, False, False, False, True]


def test_a_conversation_with_many_messages_is_read_in_parts(
    events: ServiceQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.messages.written_items.MAX_MESSAGES", 2)
    with forgotten():
        happen(text("m-1"), *(answer(f"a-{number}", value=str(number)) for number in range(1, 6)))
        before = state()
    assert "1 conversation is not in PostgreSQL, with 6 messages" in str(found())

    reconcile()
    events.work()

    assert state() == before


def test_a_deleted_message_keeps_the_contact_of_its_conversation(events: ServiceQueue) -> None:
    with forgotten():
        happen(text("m-1"), sent("m-2"), close_body(), deletion_body(message_id="m-1"))
        uuid = the_conversation().uuid
    assert "hello" not in str(every_item()[0])

    reconcile()

    assert the_conversation().uuid == uuid


@pytest.mark.parametrize("argument", ["yesterday", "2999-01-01"])
def test_a_time_that_cannot_be_meant_is_refused(argument: str) -> None:
    with pytest.raises(CommandError, match=r"is not a time|is in the future"):
        call_command("doctor", "--after-restore", argument)
