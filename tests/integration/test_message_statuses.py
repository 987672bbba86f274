"""Delivery statuses are counted; if they are kept, a transcript shows the last one of a message."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from prometheus_client import generate_latest

from apps.common.errors import Unavailable
from apps.conversations.models import Conversation
from apps.messages import message_table
from apps.messages.archiving import migrate
from apps.messages.erasing import delete_stored
from apps.messages.transcript import transcript
from apps.messages.transcript_pages import TranscriptIndex
from celery_sqs_fifo import QueuedEvent, Result
from observability.metrics.counters import count_delivery, metrics
from tests.support.builders import (
    NOON,
    close_body,
    deliver,
    deliver_bodies,
    message_body,
    project,
    queued_event,
    run_chain,
    status_body,
)
from tests.support.erasures import erase
from tests.support.scraping import read
from tests.support.stored import archived, counted_calls, every_item, every_row

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("aws", "outbox_hints"),
]

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
SENT = message_body(event_type="message.sent")


@pytest.fixture(autouse=True)
def _project_and_own_counters() -> Iterator[None]:
    """Store the project. Reset the counters to zero, as in a new process."""
    project()
    metrics.cache_clear()
    yield
    metrics.cache_clear()


@pytest.fixture
def _kept(settings: Any) -> None:
    """Keep statuses, as with MESSAGE_STATUSES=keep."""
    settings.KEEPS_MESSAGE_STATUSES = True


def count(status: str) -> float:
    page = read(generate_latest(metrics().registry).decode())
    return page.value("conversations_message_statuses_total", status=status)


def statuses() -> list[Any]:
    """Return the status of each message of the only conversation, the same on its page."""
    conversation = Conversation.objects.get()
    documents = transcript(conversation)
    shown = TranscriptIndex(conversation).page(start=0, length=10).documents
    assert list(shown) == documents
    return [document.get("status") for document in documents]


def queued(*bodies: str) -> list[QueuedEvent]:
    """Return an event for each body, queued a second apart from noon on."""
    times = [NOON + number * SECOND for number in range(len(bodies))]
    return [queued_event(body=one, sent_at=at) for one, at in zip(bodies, times, strict=True)]


def test_by_default_statuses_are_counted_and_need_no_dependency() -> None:
    before = every_row()
    written = ("sent", "delivered", "read", "read", "failed", "seen", 5, None)
    events = queued(*(status_body(status=status) for status in written))

    with CaptureQueriesContext(connection) as queries, counted_calls() as calls:
        items = run_chain(events=events)

    assert [item.outcome for item in items] == [None] * len(written)
    assert (len(queries), calls) == (0, {})
    assert (every_row(), every_item()) == (before, [])
    count_delivery(items)
    counted = ("sent", "delivered", "read", "failed", "other")
    assert [count(status) for status in counted] == [1, 1, 2, 1, 3]


def test_a_status_that_names_nothing_takes_effect_alone_and_in_a_batch() -> None:
    bodies = ['{"event_type": "message.status"}', status_body(project_uuid="?", message=[])]

    assert [item.outcome for item in run_chain(events=queued(*bodies))] == [None, None]
    assert deliver(event=queued(bodies[0])[0]) is None


def test_statuses_share_the_statement_of_a_batch_with_messages() -> None:
    events = queued(SENT, status_body(), message_body(message={"id": "m-2"}), status_body())

    items = run_chain(events=events)

    assert [item.outcome for item in items] == [None] * 4
    assert statuses() == [None, None]


@pytest.mark.usefixtures("_kept")
def test_the_last_status_by_place_is_shown_in_whatever_order_they_run() -> None:
    message, *others = queued(SENT, *map(status_of, ("sent", "delivered", "read")))
    assert deliver(event=message) is None

    for order in permutations(others):
        for event in order:
            assert deliver(event=event) is None
        assert statuses() == ["read"]
    assert len(every_item()) == 4


@pytest.mark.usefixtures("_kept")
def test_a_status_whose_id_is_too_long_for_an_item_is_only_counted() -> None:
    items = run_chain(events=queued(SENT, status_body(message_id="x" * 500_000)))
    count_delivery(items)

    assert [item.outcome for item in items] == [None, None]
    assert count("delivered") == 1
    assert len(every_item()) == 1


def status_of(status: str) -> str:
    """Return a status of the default message."""
    return status_body(status=status)


@pytest.mark.usefixtures("_kept")
def test_a_batch_with_statuses_is_stored_with_one_write_and_one_more_statement() -> None:
    deliver_bodies(bodies=[SENT])
    events = queued(SENT, status_body(), message_body(message={"id": "m-2"}), status_body())

    with CaptureQueriesContext(connection) as queries, counted_calls() as calls:
        run_chain(events=events)

    assert len([one for one in queries if "SELECT" in one["sql"]]) == 2
    assert calls == {"BatchWriteItem": 1}


@pytest.mark.usefixtures("_kept")
def test_a_status_belongs_to_the_message_of_its_direction() -> None:
    deliver_bodies(
        bodies=[SENT, message_body(), status_of("read"), status_body(direction="received")]
    )

    by_type = {one["event_type"]: one["status"] for one in transcript(Conversation.objects.get())}
    assert by_type == {"message.sent": "read", "message.received": "delivered"}


@pytest.mark.usefixtures("_kept")
def test_a_status_may_come_before_its_message() -> None:
    deliver_bodies(bodies=[message_body(message={"id": "m-2"}), status_of("sent"), SENT])

    assert sorted(map(str, statuses())) == ["None", "sent"]


@pytest.mark.usefixtures("_kept")
def test_a_status_opens_no_conversation_and_is_not_kept_without_one() -> None:
    deliver_bodies(bodies=[status_of("sent")])
    assert not Conversation.objects.exists()

    early = queued_event(body=status_of("read"), sent_at=NOON - HOUR)
    deliver_bodies(bodies=[SENT])
    assert deliver(event=early) is None

    assert statuses() == [None]


@pytest.mark.usefixtures("_kept")
def test_statuses_end_with_the_archiving_of_the_conversation() -> None:
    deliver_bodies(bodies=[SENT, status_of("read")])
    conversation = Conversation.objects.get()
    migrate(conversation_uuid=conversation.uuid, now=NOON)
    assert statuses() == ["read"]

    deliver_bodies(bodies=[close_body(), status_of("failed")], sent_at=NOON + HOUR)

    assert statuses() == [None]
    assert [one for one in archived(conversation_uuid=conversation.uuid) if "status" in one] == []
    assert "read" not in str(every_row())


@pytest.mark.usefixtures("_kept")
def test_statuses_do_not_count_as_messages() -> None:
    deliver_bodies(bodies=[SENT, status_of("read")])
    deliver_bodies(bodies=[close_body()], sent_at=NOON + HOUR)

    conversation = Conversation.objects.get()
    assert (conversation.message_count, conversation.last_message_at) == (1, NOON)


@pytest.mark.usefixtures("_kept")
def test_erasing_deletes_statuses() -> None:
    deliver_bodies(bodies=[SENT, status_of("read")])

    delete_stored([Conversation.objects.get().uuid])

    assert every_item() == []


@pytest.mark.usefixtures("_kept")
def test_a_status_of_an_erased_contact_is_not_kept() -> None:
    late = queued_event(body=status_of("read"), sent_at=NOON - SECOND)
    erase(at=NOON)
    deliver_bodies(bodies=[SENT], sent_at=NOON + SECOND)

    assert deliver(event=late) is None

    assert statuses() == [None]


@pytest.mark.usefixtures("_kept")
def test_a_status_that_is_to_be_kept_waits_while_dynamodb_is_down(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    deliver_bodies(bodies=[SENT])

    def down(_items: Any) -> None:
        raise Unavailable("DynamoDB", "it is down")

    with monkeypatch.context() as patch:
        patch.setattr(message_table, "put_all", down)
        items = run_chain(events=queued(status_of("read")))
    assert items[0].outcome
    assert items[0].outcome.result is Result.UNAVAILABLE
    count_delivery(items)
    assert count("read") == 0
