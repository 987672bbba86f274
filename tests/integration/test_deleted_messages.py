"""A message that its author deleted leaves its time and direction, and no text in any store."""

from datetime import datetime, timedelta
from itertools import permutations
from typing import Any

import pytest

from apps.analytics.models import SurveyAnswer
from apps.common import clock
from apps.conversations.models import Conversation
from apps.conversations.operator_requests import request_reopen
from apps.messages import deletions, message_table
from apps.messages.archiving import migrate
from apps.messages.models import MessageDeletion
from apps.messages.transcript import transcript
from apps.messages.transcript_pages import TranscriptIndex
from apps.messages.wire_types import MAX_ID_LENGTH
from tasks import closing as tasks
from tasks import retention
from tests.support.builders import (
    CHANNEL,
    NOON,
    close_body,
    contact,
    deletion_body,
    deliver,
    deliver_bodies,
    entry,
    message_body,
    noise,
    project,
    queued_event,
    survey_body,
)
from tests.support.erasures import erase
from tests.support.stored import every_item, every_row, items_as_text, store_many

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("aws", "outbox_hints"),
]

SECRET = "a-word-that-nobody-else-writes"
HOUR = timedelta(hours=1)
WEEK = timedelta(days=7)


@pytest.fixture(autouse=True)
def _project() -> None:
    project(timezone="UTC")


def secret(*, event_type: str = "message.received", text: str = SECRET, **message: Any) -> str:
    """Return a message whose every private field holds the secret."""
    private = {"text": text, "contact_name": "", "attachments": [SECRET], **message}
    return message_body(event_type=event_type, message=private, data={"caption": SECRET})


def everywhere() -> str:
    """Return the content of all stores as text."""
    return f"{every_row()} {items_as_text()}"


def only_entry() -> dict[str, Any]:
    """Return the only entry of the only conversation's transcript, the same on its page."""
    conversation = Conversation.objects.get()
    (document,) = transcript(conversation)
    (shown,) = TranscriptIndex(conversation).page(start=0, length=10).documents
    assert shown == document
    return document


def archive_all(now: datetime = NOON + HOUR) -> None:
    """Archive all conversations, as closing and the searches do."""
    for uuid in Conversation.objects.values_list("uuid", flat=True):
        migrate(conversation_uuid=uuid, now=now)


def waiting() -> list[MessageDeletion]:
    """Return the deletions that wait for their messages."""
    return list(deletions.waiting(contact(channel=CHANNEL), now=clock.now()))


def test_the_entry_of_a_deleted_message_keeps_its_time_and_direction() -> None:
    (message, deletion) = deliver_bodies(bodies=[secret(), deletion_body()])

    document = only_entry()

    assert (document["id"], document["event_type"]) == ("m-1", "message.received")
    assert datetime.fromisoformat(document["created_at"]) == NOON
    assert datetime.fromisoformat(document["deleted"]["at"]) == NOON + timedelta(seconds=1)
    assert str(message.place.sequence_number) in document["place"]
    assert str(deletion.place.sequence_number) in document["deleted"]["place"]
    assert document["message"] == {}
    assert "extra" not in document
    assert "edits" not in document
    assert SECRET not in everywhere()


MESSAGE, EDIT, DELETION, CLOSE, ARCHIVE = "message", "edit", "deletion", "close", "archive"


@pytest.mark.parametrize("order", list(permutations((MESSAGE, EDIT, DELETION, CLOSE))))
@pytest.mark.parametrize("archives", [False, True], ids=["", "archived between"])
def test_no_text_is_left_in_whatever_order_events_run(
    order: tuple[str, ...], archives: bool
) -> None:
    # A message keeps the conversation from depending on the order.
    deliver_bodies(bodies=[message_body(message={"id": "m-0"})], sent_at=NOON - HOUR)
    bodies = {
        MESSAGE: secret(),
        DELETION: deletion_body(),
        # Queued after the deletion, which wins all the same.
        EDIT: secret(text=f"{SECRET}, edited"),
        CLOSE: close_body(),
    }
    events = {
        name: queued_event(body=body, sent_at=NOON + timedelta(seconds=number))
        for number, (name, body) in enumerate(bodies.items())
    }
    for name in (*order, *order):
        assert deliver(event=events[name]) is None
        if archives:
            archive_all()
    archive_all()

    assert SECRET not in everywhere()
    conversation = Conversation.objects.get()
    _, deleted = transcript(conversation)
    assert datetime.fromisoformat(deleted["deleted"]["at"]) == NOON + timedelta(seconds=1)
    assert conversation.message_count == 2


def test_a_deletion_before_its_message_hides_it_before_it_is_archived() -> None:
    deliver_bodies(bodies=[message_body(message={"id": "m-0"}), deletion_body(), secret()])

    conversation = Conversation.objects.get()

    assert [one["id"] for one in transcript(conversation) if "deleted" in one] == ["m-1"]
    assert SECRET not in str(transcript(conversation))
    assert conversation.archive_check_at is not None
    archive_all()
    assert SECRET not in everywhere()


def test_a_deletion_that_waits_is_searched_for_after_15_minutes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    deliver_bodies(bodies=[message_body(message={"id": "m-0"}), deletion_body(), secret()])
    (found,) = (one.archive_check_at for one in Conversation.objects.all())
    monkeypatch.setattr(tasks, "now", lambda: found)

    tasks.archive_before_expiry.run()

    assert SECRET not in everywhere()


def test_a_deletion_opens_no_conversation_and_waits_for_the_first_message() -> None:
    deliver_bodies(bodies=[deletion_body()])
    assert not Conversation.objects.exists()

    deliver_bodies(bodies=[secret(), close_body()], sent_at=NOON + HOUR)

    assert "deleted" in only_entry()
    assert SECRET not in everywhere()


@pytest.mark.parametrize("direction", ["sent", "received"])
def test_a_deletion_names_a_direction(direction: str) -> None:
    received, sent = secret(text="received"), secret(event_type="message.sent", text="sent")
    deliver_bodies(bodies=[received, sent, deletion_body(direction=direction)])

    deleted = {
        one["event_type"]: "deleted" in one for one in transcript(Conversation.objects.get())
    }

    assert deleted == {
        "message.received": direction == "received",
        "message.sent": direction == "sent",
    }


@pytest.mark.parametrize("direction", ["", None])
def test_a_deletion_without_a_direction_is_that_of_the_contacts_message(direction: Any) -> None:
    deliver_bodies(bodies=[secret(), deletion_body(direction=direction)])

    assert "deleted" in only_entry()


@pytest.mark.parametrize("direction", ["incoming", 1, ["sent"], True])
def test_a_deletion_with_an_unknown_direction_is_refused(direction: Any) -> None:
    outcome = deliver(event=queued_event(body=deletion_body(direction=direction)))

    assert outcome is not None
    assert outcome.reason == "malformed_field"


def test_a_message_of_the_same_id_in_another_conversation_stays() -> None:
    deliver_bodies(bodies=[message_body(message={"text": "first"}), close_body()])
    deliver_bodies(bodies=[secret(), deletion_body(), close_body()], sent_at=NOON + HOUR)

    first, second = Conversation.objects.order_by("opened_at")

    assert [one["message"].get("text") for one in transcript(first)] == ["first"]
    assert "deleted" in transcript(second)[0]
    assert SECRET not in everywhere()


def test_a_message_of_an_earlier_conversation_is_deleted_where_it_is() -> None:
    deliver_bodies(bodies=[secret(), close_body()])
    deliver_bodies(
        bodies=[message_body(message={"id": "m-9"}), deletion_body()], sent_at=NOON + 47 * HOUR
    )

    first, second = Conversation.objects.order_by("opened_at")

    assert "deleted" in transcript(first)[0]
    assert [one["message"]["text"] for one in transcript(second)]
    assert first.message_count == 1
    assert SECRET not in everywhere()


def test_a_message_of_a_conversation_that_ended_two_days_before_the_deletion_stays() -> None:
    deliver_bodies(bodies=[message_body(message={"text": "other"}), close_body()])
    letter = queued_event(body=secret(), sent_at=NOON + WEEK)
    deliver_bodies(
        bodies=[message_body(message={"id": "m-0"}), close_body()], sent_at=NOON + WEEK - HOUR
    )
    deliver_bodies(bodies=[deletion_body()], sent_at=NOON + WEEK + HOUR)
    assert len(waiting()) == 1

    deliver(event=letter)
    archive_all()

    other = Conversation.objects.earliest("opened_at")
    assert [one["message"].get("text") for one in transcript(other)] == ["other"]
    assert SECRET not in everywhere()
    assert waiting() == []


def test_a_deletion_that_a_crash_left_between_archiving_and_deleting_is_finished(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    deliver_bodies(bodies=[message_body(message={"id": "m-0"}), deletion_body(), secret()])
    with monkeypatch.context() as patch:
        patch.setattr("apps.messages.archiving.apply_deletions", _killed)
        with pytest.raises(KeyboardInterrupt):
            archive_all()
    assert SECRET in everywhere()

    archive_all()

    assert SECRET not in everywhere()


def test_archiving_searches_only_for_deletions_whose_messages_the_archive_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    deliver_bodies(bodies=[deletion_body(message={"id": f"m-{n}"}) for n in range(5)])
    deliver_bodies(bodies=[secret(), close_body()])
    archive_all()
    assert SECRET not in everywhere()
    assert len(waiting()) == 4

    def fail(*_arguments: Any) -> None:
        raise AssertionError("searched")

    monkeypatch.setattr(deletions, "find_conversation", fail)
    archive_all()


def test_a_deletion_waits_for_15_days() -> None:
    deliver_bodies(bodies=[message_body(message={"id": "m-0"}), deletion_body(), secret()])
    old = clock.now() - timedelta(days=15)
    MessageDeletion.objects.update(recorded_at=old)

    archive_all(now=clock.now())

    assert SECRET in everywhere()
    retention.delete_expired.run()
    assert not MessageDeletion.objects.exists()


def test_a_deletion_that_has_found_its_message_is_kept() -> None:
    deliver_bodies(bodies=[secret(), deletion_body()])
    MessageDeletion.objects.update(recorded_at=clock.now() - timedelta(days=100))

    retention.delete_expired.run()

    assert MessageDeletion.objects.exists()


def test_what_a_deletion_archives_elsewhere_is_not_reported_as_late(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    deliver_bodies(bodies=[message_body(message={"id": "m-0"}), close_body()])
    closed = Conversation.objects.get()
    deliver_bodies(bodies=[deletion_body()], sent_at=NOON + HOUR)
    deliver_bodies(
        bodies=[message_body(message={"id": "m-9"}), message_body(message={"id": "m-10"})],
        sent_at=NOON + 2 * HOUR,
    )
    # A frozen worker stores the message of the deletion late.
    late = entry(message_id="m-1", text=SECRET)
    store_many(conversation_uuid=closed.uuid, entries=[late])
    # The search is due 15 minutes after the close, by the clock of the machine.
    next_week = clock.now() + WEEK
    monkeypatch.setattr(tasks, "now", lambda: next_week)

    tasks.archive_late_messages.run()

    (record,) = [one for one in caplog.records if one.getMessage() == "late_messages_archived"]
    assert vars(record)["messages"] == 1
    assert SECRET not in everywhere()


def test_a_message_that_is_redriven_after_its_deletion_has_no_text() -> None:
    letter = queued_event(body=secret(), sent_at=NOON + timedelta(seconds=1))
    deliver_bodies(bodies=[message_body(message={"id": "m-0"})])
    deliver_bodies(bodies=[close_body()], sent_at=NOON + HOUR)
    deliver_bodies(bodies=[deletion_body()], sent_at=NOON + 49 * HOUR)

    assert deliver(event=letter) is None

    assert SECRET not in everywhere()
    assert "deleted" in transcript(Conversation.objects.get())[1]


def test_a_message_that_runs_again_after_its_item_has_expired_has_no_text() -> None:
    message, *_ = deliver_bodies(bodies=[secret(), close_body(), deletion_body()])
    message_table.delete_all([_key(item) for item in every_item()])

    assert deliver(event=message) is None

    assert SECRET not in everywhere()


def _key(item: dict[str, Any]) -> dict[str, Any]:
    return {name: item[name] for name in ("conversation_uuid", "message_key")}


def test_the_chunks_of_a_large_deleted_message_are_removed() -> None:
    deliver_bodies(bodies=[secret(text=SECRET + noise(600_000))])
    assert len(every_item()) > 1

    deliver_bodies(bodies=[deletion_body()], sent_at=NOON + timedelta(seconds=1))

    assert SECRET not in everywhere()
    assert len(every_item()) == 1


def test_a_deleted_message_with_the_longest_ids_fits_into_an_item() -> None:
    # In the stored JSON, no character takes more bytes than this one.
    longest = "\1" * MAX_ID_LENGTH
    message = {"id": longest, "text": SECRET}
    deliver_bodies(bodies=[message_body(event={"correlation_id": longest}, message=message)])
    deliver_bodies(bodies=[deletion_body(message_id=longest), close_body()])

    assert SECRET not in everywhere()
    assert only_entry()["deleted"]


def test_a_deletion_after_reopening_works_in_the_archive() -> None:
    deliver_bodies(bodies=[secret(), close_body()])
    conversation = Conversation.objects.get()
    request_reopen(conversation_uuid=conversation.uuid, now=NOON + HOUR)
    place = queued_event(body="{}", sent_at=NOON + HOUR).place
    tasks.reopen_conversation.push_request(place=str(place))
    try:
        tasks.reopen_conversation.run(str(conversation.uuid))
    finally:
        tasks.reopen_conversation.pop_request()

    deliver_bodies(bodies=[deletion_body()], sent_at=NOON + 2 * HOUR)

    assert "deleted" in only_entry()
    assert SECRET not in everywhere()


@pytest.mark.parametrize("crash", ["replace", "merge"])
def test_a_deletion_that_a_crash_ended_is_finished_by_its_redelivery(
    crash: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver_bodies(bodies=[secret(), close_body()])
    deletion = queued_event(body=deletion_body())
    module = {"replace": "store", "merge": "archive"}[crash]
    with monkeypatch.context() as patch:
        patch.setattr(f"apps.messages.archiving.{module}.{crash}", _killed)
        with pytest.raises(KeyboardInterrupt):
            deliver(event=deletion)

    assert deliver(event=deletion) is None

    assert "deleted" in only_entry()
    assert SECRET not in everywhere()


def _killed(*_arguments: Any, **_options: Any) -> None:
    raise KeyboardInterrupt


def test_the_text_of_an_answer_without_a_conversation_is_removed() -> None:
    answer = survey_body(value="5", message={"id": "m-1", "text": SECRET, "source": "incoming"})
    first, *_ = deliver_bodies(bodies=[answer])
    assert SECRET in everywhere()

    deliver_bodies(bodies=[deletion_body()], sent_at=NOON + HOUR)
    assert deliver(event=first) is None

    assert SECRET not in everywhere()
    assert [one.value for one in SurveyAnswer.objects.all()] == ["5"]


def test_the_text_of_an_answer_is_removed_even_if_a_conversation_has_the_message() -> None:
    answer = survey_body(value="5", message={"id": "m-1", "text": SECRET, "source": "incoming"})
    deliver_bodies(bodies=[answer])
    deliver_bodies(bodies=[secret(), deletion_body()], sent_at=NOON + HOUR)

    assert "deleted" in only_entry()
    assert SECRET not in everywhere()


def test_the_text_of_an_answer_that_comes_after_its_deletion_is_not_stored() -> None:
    answer = survey_body(value="5", message={"id": "m-1", "text": SECRET, "source": "incoming"})

    deliver_bodies(bodies=[deletion_body(), answer])

    assert SECRET not in everywhere()
    assert [one.value for one in SurveyAnswer.objects.all()] == ["5"]


@pytest.mark.parametrize(
    "after", [timedelta(days=10), -timedelta(days=10)], ids=["later", "before"]
)
def test_an_answer_of_another_session_keeps_its_text(after: timedelta) -> None:
    answer = survey_body(value="5", message={"id": "m-1", "text": SECRET, "source": "incoming"})
    events = [
        queued_event(body=answer, sent_at=NOON + after),
        queued_event(body=deletion_body(), sent_at=NOON),
    ]

    for event in sorted(events, key=lambda one: one.place.queue_time):
        assert deliver(event=event) is None

    assert SECRET in everywhere()


def test_a_text_that_joins_its_conversation_after_the_end_can_be_deleted() -> None:
    deliver_bodies(bodies=[message_body(message={"id": "m-0"}), close_body()])
    answer = survey_body(value="5", message={"id": "m-1", "text": SECRET, "source": "incoming"})

    deliver_bodies(bodies=[answer, deletion_body()], sent_at=NOON + timedelta(days=3))

    assert SECRET not in everywhere()
    assert waiting() == []
    assert "deleted" in transcript(Conversation.objects.get())[1]


def test_a_deletion_by_an_erased_contact_is_dropped() -> None:
    project()
    erase(at=NOON + HOUR)

    deliver_bodies(bodies=[deletion_body()])

    assert not MessageDeletion.objects.exists()


def test_a_deletion_without_a_message_changes_no_conversation() -> None:
    deliver_bodies(bodies=[message_body(message={"id": "m-0"}), close_body()])
    before = transcript(Conversation.objects.get())

    deliver_bodies(bodies=[deletion_body()], sent_at=NOON + WEEK)
    archive_all()

    assert transcript(Conversation.objects.get()) == before
    assert [one.identity for one in waiting()] == ["received:m-1"]
