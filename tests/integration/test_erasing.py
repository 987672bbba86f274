"""A contact, and only that contact, is erased from all stores, in the order of its groups."""

import logging
import threading
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.conf import settings as django_settings
from django.db import connection, transaction

from apps.analytics.models import OutboxEvent, SurveyAnswer
from apps.analytics.services import record_answer
from apps.conversations import erasing
from apps.conversations.models import Conversation, Erasure
from apps.messages import archive, store
from apps.messages.archiving import migrate
from tasks import erasing as tasks
from tests.support.builders import (
    NOON,
    PROJECT,
    URN,
    contact,
    deliver,
    entries,
    message_body,
    queued_event,
)
from tests.support.erasures import (
    OTHER_CHANNEL,
    REQUESTED,
    SECOND,
    carry_out,
    deliver_history,
    erase,
    everything,
    everything_but_erasures,
    group_of,
    request,
)
from tests.support.stored import every_item, every_row_version, store_many

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("aws", "outbox_hints"),
]

OTHER = "telegram:2002"
REMOVED = {
    "conversations": 2,
    "archived_messages": 2,
    "dynamodb_messages": 1,
    "survey_answers": 2,
    "outbox_events": 2,
    "lake_event_ids": [],
    "dead_letters": 0,
}


class Killed(BaseException):
    """Simulates the kill of a worker: no code catches it."""


def only_erasure() -> Erasure:
    """Return the only erasure."""
    return Erasure.objects.get()


def test_only_a_hashed_tombstone_of_the_contact_is_left() -> None:
    deliver_history()
    assert URN in everything()
    assert len(every_item()) > 3

    erase()

    assert URN not in everything()
    assert every_item() == []
    assert not Conversation.objects.exists()
    assert not SurveyAnswer.objects.exists()
    assert not OutboxEvent.objects.exists()
    tombstone = only_erasure()
    assert tombstone.erased_at is not None
    assert (tombstone.contact_urn, tombstone.group_id) == ("", "")
    assert len(tombstone.contact_hash) == 64
    assert tombstone.removed == REMOVED


def test_other_contacts_and_projects_keep_their_data() -> None:
    deliver_history(urn=OTHER)
    deliver_history(project=uuid4())
    before = everything_but_erasures()
    deliver_history()

    erase()

    assert everything_but_erasures() == before


def test_each_group_of_the_contact_is_erased_by_its_own_pointer() -> None:
    deliver_history()
    deliver_history(channel=OTHER_CHANNEL)

    first, second = request()
    assert {first.group_id, second.group_id} == {group_of(), group_of(channel=OTHER_CHANNEL)}
    carry_out([first])
    assert Conversation.objects.filter(group_id=second.group_id).count() == 2
    assert not Conversation.objects.filter(group_id=first.group_id).exists()

    carry_out([second])
    assert URN not in everything()
    assert every_item() == []


def test_a_contact_without_conversations_leaves_a_tombstone_and_no_answer() -> None:
    _record(message_id="a", conversation_uuid=None, key="k", value="v")

    erase()

    assert not SurveyAnswer.objects.exists()
    assert only_erasure().removed["survey_answers"] == 1
    assert erasing.is_erased(project_uuid=PROJECT, urn=URN, sent_at=REQUESTED)
    assert not erasing.is_erased(project_uuid=PROJECT, urn=URN, sent_at=REQUESTED + SECOND)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(
    ("module", "name"),
    [
        (erasing, "save_counts"),
        (store, "delete"),
        (store, "delete_conversation"),
        (tasks, "delete_stored"),
        (tasks, "delete_archives"),
        (tasks, "delete_answers"),
        (erasing, "complete"),
    ],
)
def test_an_erasure_killed_at_any_step_ends_the_same_after_a_redelivery(
    monkeypatch: pytest.MonkeyPatch, module: Any, name: str, after: bool
) -> None:
    deliver_history(urn=OTHER)
    others = everything_but_erasures()
    deliver_history()
    erasures = request()
    with monkeypatch.context() as patch:
        patch.setattr(module, name, _killed(getattr(module, name), after=after))
        with pytest.raises(Killed):
            carry_out(erasures)
    assert only_erasure().erased_at is None

    carry_out(erasures)

    assert everything_but_erasures() == others
    assert URN not in everything()
    assert only_erasure().removed == REMOVED


def test_a_redelivered_pointer_removes_nothing_new() -> None:
    deliver_history()
    erasures = request()
    carry_out(erasures)
    write_after_the_erasure()
    before = every_row_version(), every_item()

    carry_out(erasures)

    assert (every_row_version(), every_item()) == before


def test_a_forged_pointer_does_nothing() -> None:
    deliver_history()
    before = every_row_version()

    tasks.erase_contact.run(str(uuid4()))
    tasks.erase_contact.run(str(Conversation.objects.all()[0].uuid))

    assert every_row_version() == before


def test_a_second_request_reuses_the_pending_erasure() -> None:
    deliver_history()
    (before,) = request()

    (again,) = request(now=REQUESTED + SECOND)

    assert again.uuid == before.uuid
    assert only_erasure().requested_at == REQUESTED + SECOND


def test_a_contact_can_be_erased_a_second_time() -> None:
    deliver_history()
    erase()
    write_after_the_erasure()

    erase(now=REQUESTED + 60 * SECOND)

    assert URN not in everything()
    assert Erasure.objects.filter(removed__conversations=1).count() == 1
    assert erasing.is_erased(project_uuid=PROJECT, urn=URN, sent_at=REQUESTED + 60 * SECOND)


def test_an_archive_check_of_an_erased_conversation_ends_without_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The check reads the messages before the erasure and archives them after it."""
    deliver_history()
    closed = Conversation.objects.exclude(resolution=2).get()
    store_many(conversation_uuid=closed.uuid, entries=entries(number=3))
    real = archive.merge

    def merge(**arguments: Any) -> None:
        erase()
        real(**arguments)

    monkeypatch.setattr(archive, "merge", merge)

    assert migrate(conversation_uuid=closed.uuid, now=REQUESTED) == 0

    assert URN not in everything()
    assert every_item() == []


def test_an_erasure_waits_for_a_running_archive_and_erases_it() -> None:
    deliver_history()
    current = Conversation.objects.get(resolution=2)
    archived, may_commit = threading.Event(), threading.Event()

    def archive_slowly() -> None:
        with transaction.atomic():
            archive.merge(conversation_uuid=current.uuid, entries=entries(number=3))
            archived.set()
            may_commit.wait(timeout=10)

    _beside(archive_slowly, until=archived, release=may_commit)

    assert URN not in everything()
    assert only_erasure().removed["archived_messages"] == 5


def test_an_erasure_counts_an_event_that_is_being_delivered_as_delivered() -> None:
    deliver_history()
    delivered, may_commit = threading.Event(), threading.Event()
    expected = {str(one) for one in OutboxEvent.objects.values_list("event_id", flat=True)}

    def deliver_slowly() -> None:
        with transaction.atomic():
            events = OutboxEvent.objects.select_for_update()
            OutboxEvent.objects.filter(pk__in=[one.pk for one in events]).update(delivered_at=NOON)
            delivered.set()
            may_commit.wait(timeout=10)

    _beside(deliver_slowly, until=delivered, release=may_commit)

    assert set(only_erasure().removed["lake_event_ids"]) == expected


def test_an_erasure_counts_an_answer_with_a_pruned_event_as_delivered() -> None:
    deliver_history()
    pruned = OutboxEvent.objects.earliest("id")
    event_id = str(pruned.event_id)
    pruned.delete()

    erase()

    assert only_erasure().removed["lake_event_ids"] == [event_id]
    assert only_erasure().removed["outbox_events"] == 1


def test_a_new_answer_whose_conversation_was_erased_belongs_to_none() -> None:
    deliver_history()
    gone = Conversation.objects.get(resolution=2).uuid
    erase()

    _record(
        message_id="new",
        conversation_uuid=gone,
        key="k",
        value="v",
        sent_at=REQUESTED + SECOND,
    )

    assert SurveyAnswer.objects.get().conversation is None


def test_more_than_a_page_of_dynamodb_is_deleted() -> None:
    """DynamoDB returns at most 1 MB for each query."""
    deliver_history()
    current = Conversation.objects.get(resolution=2)
    store_many(conversation_uuid=current.uuid, entries=entries(number=60, size=50_000))

    erase()

    assert every_item() == []
    assert only_erasure().removed["dynamodb_messages"] == 61


def test_the_hash_differs_for_each_project_and_each_key(settings: Any) -> None:
    erasing.contact_hash.cache_clear()
    one = erasing.contact_hash(project_uuid=PROJECT, urn=URN)
    assert one != erasing.contact_hash(project_uuid=uuid4(), urn=URN)

    erasing.contact_hash.cache_clear()
    settings.SECRET_KEY = f"another {django_settings.SECRET_KEY}"
    assert one != erasing.contact_hash(project_uuid=PROJECT, urn=URN)
    erasing.contact_hash.cache_clear()


def test_logs_name_no_contact(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="tasks")
    deliver_history()

    erase()

    logged = [record for record in caplog.records if "erased" in record.getMessage()]
    assert [vars(record)["erasure"] for record in logged] == [str(only_erasure().uuid)]
    assert URN not in str([vars(record) for record in caplog.records])


def write_after_the_erasure() -> None:
    """Process a message that was queued after the erasure was requested."""
    body = message_body(message={"id": "again"})
    event = queued_event(body=body, sent_at=REQUESTED + SECOND, group_id=group_of())
    assert deliver(event=event) is None
    assert Conversation.objects.count() == 1


def _record(
    *,
    message_id: str,
    conversation_uuid: UUID | None,
    key: str,
    value: str,
    sent_at: Any = NOON,
) -> None:
    record_answer(
        contact=contact(),
        message_id=message_id,
        conversation_uuid=conversation_uuid,
        key=key,
        value=value,
        score=None,
        answered_at=NOON,
        sent_at=sent_at,
        sequence_number="1",
        correlation_id="",
        now=NOON,
    )


def _killed(real: Callable[..., Any], *, after: bool) -> Callable[..., Any]:
    def stand_in(*arguments: Any, **keywords: Any) -> Any:
        if after:
            real(*arguments, **keywords)
        raise Killed

    return stand_in


def _beside(work: Callable[[], None], *, until: threading.Event, release: threading.Event) -> None:
    """Erase while another transaction is open, which ends half a second later."""

    def run() -> None:
        try:
            work()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    assert until.wait(timeout=10)
    threading.Timer(0.5, release.set).start()
    erase()
    thread.join(timeout=30)
    assert not thread.is_alive()
