"""A contact, and only that contact, is erased from all stores, in the order of its groups."""

import logging
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.conf import settings as django_settings
from django.db import connection, transaction

from apps.analytics.models import OutboxEvent, SurveyAnswer
from apps.conversations import erasing
from apps.conversations.erasure_models import Erasure
from apps.conversations.models import Conversation
from apps.messages import archive, deletions, message_table, store
from apps.messages.archiving import migrate
from apps.messages.erasing import count_stored
from apps.messages.models import MessageDeletion
from tasks import erasing as tasks
from tasks.closing import archive_late_messages
from tests.support.builders import (
    CHANNEL,
    HOME,
    NOON,
    PROJECT,
    URN,
    deletion_body,
    deliver,
    entries,
    message_body,
    numbered_message,
    place,
    project,
    queued_event,
    survey_body,
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
from tests.support.services import answer_recorded
from tests.support.stored import archive_many, every_item, every_row_version, store_many

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("aws", "outbox_hints"),
]

OTHER = "telegram:2002"
REMOVED = {
    "conversations": 2,
    "archived_messages": 2,
    "dynamodb_messages": 3,
    "survey_answers": 2,
    "outbox_events": 2,
    "lake_event_ids": [],
    "dead_letters": 0,
}


class Killed(BaseException):
    """Simulates the kill of a worker. No code catches this exception."""


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
    assert (tombstone.contact_urn, tombstone.group_ids) == ("", [])
    assert len(tombstone.contact_hash) == 64
    assert tombstone.removed == REMOVED


def test_other_contacts_and_projects_keep_their_data() -> None:
    deliver_history(urn=OTHER)
    deliver_history(project=uuid4())
    before = everything_but_erasures()
    deliver_history()

    erase()

    assert everything_but_erasures() == before


def test_the_first_pointer_that_runs_erases_the_contact_on_all_channels() -> None:
    deliver_history()
    deliver_history(channel=OTHER_CHANNEL)
    erasure = request()
    first, second = erasure.group_ids
    assert {first, second} == {group_of(), group_of(channel=OTHER_CHANNEL)}

    carry_out(erasure, group=second)

    assert URN not in everything()
    assert every_item() == []
    assert only_erasure().removed["conversations"] == 4


def test_a_later_pointer_deletes_only_what_events_before_it_have_stored_meanwhile() -> None:
    deliver_history()
    deliver_history(channel=OTHER_CHANNEL)
    of_first = Conversation.objects.get(resolution=2, group_id=group_of())
    erasure = request()
    carry_out(erasure, group=group_of(channel=OTHER_CHANNEL))
    store_many(conversation_uuid=of_first.uuid, entries=entries(number=3))
    write_after_the_erasure()
    before = every_row_version()

    carry_out(erasure, group=group_of(), at=REQUESTED + 2 * SECOND)

    assert every_row_version() == before
    assert len(every_item()) == 1


def test_the_pointers_go_through_every_group_from_which_there_is_data_of_the_contact() -> None:
    deliver_history()
    hashed = f"{PROJECT}:{CHANNEL}:0f9c"
    assert deliver(event=queued_event(body=numbered_message(9), group_id=hashed)) is None
    assert deliver(event=queued_event(body=deletion_body(), group_id="of-deletions")) is None
    _record(message_id="a", conversation_uuid=None, key="k", value="v")

    assert request().group_ids == sorted([group_of(), hashed, "of-deletions", HOME])


def test_what_begins_after_the_pointer_is_kept_even_in_another_group() -> None:
    """Its own pointer, or none, has not run yet when the first one does."""
    deliver_history()
    erasure = request()
    other = group_of(channel=OTHER_CHANNEL)
    later = REQUESTED + SECOND
    data = {"channel_uuid": str(OTHER_CHANNEL)}
    for body in (
        message_body(message={"id": "new"}, data=data),
        survey_body(message={"id": "new"}).replace(str(CHANNEL), str(OTHER_CHANNEL)),
        deletion_body(message_id="unknown", channel_uuid=str(OTHER_CHANNEL)),
    ):
        assert deliver(event=queued_event(body=body, sent_at=later, group_id=other)) is None
    kept = Conversation.objects.get(group_id=other)

    carry_out(erasure)

    assert list(Conversation.objects.all()) == [kept]
    assert [one.message_id for one in SurveyAnswer.objects.all()] == ["new"]
    assert MessageDeletion.objects.count() == 1
    assert len(every_item()) == 1


@pytest.mark.parametrize("group", ["a", "z"])
def test_what_another_group_has_in_the_millisecond_of_the_pointer_is_erased(group: str) -> None:
    project()
    erasure = request()
    for body in (survey_body(), message_body(message={"id": "m-2"}), deletion_body()):
        event = queued_event(body=body, sent_at=REQUESTED, group_id=group)
        assert deliver(event=event) is None

    carry_out(erasure, at=REQUESTED)

    assert not Conversation.objects.exists()
    assert not SurveyAnswer.objects.exists()
    assert not MessageDeletion.objects.exists()


def test_a_later_conversation_with_an_event_from_before_the_pointer_is_erased() -> None:
    project()
    erasure = request()
    for sent_at, group in ((REQUESTED + SECOND, "another"), (REQUESTED - SECOND, group_of())):
        event = queued_event(body=message_body(), sent_at=sent_at, group_id=group)
        assert deliver(event=event) is None
    assert Conversation.objects.get().opened_at == REQUESTED + SECOND

    carry_out(erasure)

    assert URN not in everything()
    assert every_item() == []


def test_a_contact_without_conversations_leaves_a_tombstone_and_no_answer() -> None:
    _record(message_id="a", conversation_uuid=None, key="k", value="v")

    erase()

    assert not SurveyAnswer.objects.exists()
    assert only_erasure().removed["survey_answers"] == 1
    assert URN not in everything()


def test_the_erasure_of_a_contact_of_whom_there_is_no_data_leaves_a_tombstone() -> None:
    project()

    erase()

    assert only_erasure().erased_at is not None
    assert deliver(event=queued_event(body=message_body(), sent_at=REQUESTED)) is None
    assert not Conversation.objects.exists()


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(
    ("module", "name"),
    [
        (erasing, "save_counts"),
        (message_table, "delete_all"),
        (store, "delete_conversation"),
        (tasks, "delete_stored"),
        (tasks, "delete_archives"),
        (deletions, "delete_before"),
        (tasks, "delete_answers"),
        (tasks, "delete_letters_before"),
        (erasing, "complete"),
    ],
)
def test_an_erasure_killed_at_any_step_ends_the_same_after_a_redelivery(
    monkeypatch: pytest.MonkeyPatch, module: Any, name: str, after: bool
) -> None:
    deliver_history(urn=OTHER)
    others = everything_but_erasures()
    deliver_history()
    erasure = request()
    with monkeypatch.context() as patch:
        patch.setattr(module, name, _killed(getattr(module, name), after=after))
        with pytest.raises(Killed):
            carry_out(erasure)
    assert only_erasure().erased_at is None

    carry_out(erasure)

    assert everything_but_erasures() == others
    assert URN not in everything()
    assert only_erasure().removed == REMOVED


def test_a_redelivered_pointer_removes_nothing_new() -> None:
    deliver_history()
    erasure = request()
    carry_out(erasure)
    write_after_the_erasure()
    before = every_row_version(), every_item()

    carry_out(erasure)

    assert (every_row_version(), every_item()) == before


def test_a_forged_pointer_does_nothing() -> None:
    deliver_history()
    before = every_row_version()

    tasks.erase_contact.run(str(uuid4()))
    tasks.erase_contact.run(str(Conversation.objects.all()[0].uuid))

    assert every_row_version() == before


def test_a_second_request_reuses_the_pending_erasure() -> None:
    deliver_history()
    before = request()
    deliver_history(channel=OTHER_CHANNEL)

    again = request(now=REQUESTED + SECOND)

    assert again == before
    assert only_erasure().requested_at == REQUESTED + SECOND
    assert len(again.group_ids) == 2


def test_a_contact_can_be_erased_a_second_time() -> None:
    deliver_history()
    erase()
    write_after_the_erasure()

    erase(at=REQUESTED + 60 * SECOND)

    assert URN not in everything()
    assert Erasure.objects.filter(removed__conversations=1).count() == 1
    last = place(queue_time=REQUESTED + 59 * SECOND, group=group_of())
    assert erasing.is_erased(project_uuid=PROJECT, urn=URN, place=last)


def test_an_archive_check_of_an_erased_conversation_ends_without_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The check has read the messages before the erasure, and would archive them afterwards."""
    deliver_history()
    closed = Conversation.objects.exclude(resolution=2).get()
    store_many(conversation_uuid=closed.uuid, entries=entries(number=3))
    real = archive.merge

    def merge(**arguments: Any) -> int:
        erase()
        return real(**arguments)

    monkeypatch.setattr(archive, "merge", merge)

    assert migrate(conversation_uuid=closed.uuid, now=REQUESTED).own == 0

    assert URN not in everything()
    assert every_item() == []


def test_the_counts_of_an_erasure_stay_if_another_group_finishes_it_while_messages_are_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    deliver_history()
    erasure = request()

    def count_after_another_group(_conversations: Any) -> int:
        with monkeypatch.context() as patch:
            patch.setattr(tasks, "count_stored", count_stored)
            carry_out(erasure)
        return 0

    monkeypatch.setattr(tasks, "count_stored", count_after_another_group)
    carry_out(erasure)

    removed = only_erasure().removed
    assert removed["dynamodb_messages"] > 0
    assert removed["dead_letters"] == 0


def test_what_a_frozen_worker_writes_is_deleted_after_15_minutes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    deliver_history()
    current = Conversation.objects.get(resolution=2)
    erase()
    erased = Erasure.objects.exclude(search_at=None).first()
    assert erased
    assert erased.search_at
    assert erased.erased_at
    assert erased.search_at - erased.erased_at == timedelta(minutes=15)
    store_many(conversation_uuid=current.uuid, entries=entries(number=3))

    def search(at: datetime) -> None:
        monkeypatch.setattr(tasks, "now", lambda: at)
        archive_late_messages.run()

    search(erased.search_at - timedelta(seconds=1))
    assert len(every_item()) == 3
    search(erased.search_at)

    assert every_item() == []
    assert not Erasure.objects.exclude(search_at=None).exists()
    assert not Erasure.objects.exclude(conversation_uuids=[]).exists()


def test_an_erasure_waits_for_a_running_archive_and_erases_it() -> None:
    deliver_history()
    current = Conversation.objects.get(resolution=2)
    archived, may_commit = threading.Event(), threading.Event()

    def archive_slowly() -> None:
        with transaction.atomic():
            archive_many(conversation_uuid=current.uuid, entries=entries(number=3))
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
    assert only_erasure().removed["dynamodb_messages"] == 63


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
    answer_recorded(message_id=message_id, to=conversation_uuid, key=key, value=value, at=sent_at)


def _killed(real: Callable[..., Any], *, after: bool) -> Callable[..., Any]:
    def stand_in(*arguments: Any, **keywords: Any) -> Any:
        if after:
            real(*arguments, **keywords)
        raise Killed

    return stand_in


def _beside(work: Callable[[], None], *, until: threading.Event, release: threading.Event) -> None:
    """Erase while another transaction is open. That transaction ends half a second later."""

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
