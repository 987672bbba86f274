"""The steps and the pointers count their effects in metrics."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

import pytest
from prometheus_client import generate_latest

from apps.analytics.datalake import DataLake, LakeEvent, Refused
from apps.common.errors import Unavailable
from apps.conversations import operator_requests
from apps.conversations.models import Conversation, Resolution
from apps.conversations.scores import NoScore
from observability.metrics.counters import metrics
from tasks import closing, datalake
from tests.support.builders import (
    NOON,
    URN,
    close_body,
    conversation,
    deliver,
    deliver_bodies,
    message_body,
    numbered_message,
    queued_event,
    run_chain,
    survey_body,
    window_body,
)
from tests.support.closings import HOUR, MINUTE, at, closing_at, tick, write
from tests.support.dead_letters import bury, collect, dead_letter_queue_of
from tests.support.scraping import read
from tests.support.service_queue import ServiceQueue

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("aws", "outbox_hints"),
]


class Lake(DataLake):
    """A lake that accepts two events per call, refuses one, and is down at the third call."""

    max_batch_size = 2

    def __init__(self) -> None:
        self.calls = 0

    def send(self, events: Sequence[LakeEvent]) -> None:
        """See `DataLake.send`."""
        self.calls += 1
        if self.calls == 1:
            raise Refused({events[0]["event_id"]: "not this one"})
        if self.calls == 3:
            raise Unavailable("The data lake", "it is down")


@pytest.fixture(autouse=True)
def _own_counters() -> Iterator[None]:
    """Reset the counters to zero, as in a new process."""
    metrics.cache_clear()
    yield
    metrics.cache_clear()


def count(name: str, **labels: str) -> float:
    page = read(generate_latest(metrics().registry).decode())
    return page.value(f"conversations_{name}_total", **labels)


def test_messages_of_a_batch_are_stored_and_open_one_conversation() -> None:
    run_chain(events=[queued_event(body=numbered_message(number)) for number in range(3)])

    assert count("messages_stored") == 3
    assert count("opened") == 1
    assert count("foreign_group_events") == 0


def test_a_window_that_opens_a_conversation_counts_too() -> None:
    deliver_bodies(bodies=[window_body(), numbered_message(2)])

    assert count("opened") == 1


def test_a_type_in_an_attribute_that_is_not_that_of_the_body_is_counted_under_known_names() -> None:
    types = ["message.received", "message.sent", "secret", "secret"]
    run_chain(
        events=[
            queued_event(body=numbered_message(number), attributes={"event_type": named})
            for number, named in enumerate(types)
        ]
    )

    def counted(attribute_type: str) -> float:
        return count(
            "type_mismatches", event_type="message.received", attribute_type=attribute_type
        )

    assert count("messages_stored") == 4
    assert [counted(one) for one in ("message.sent", "unknown")] == [1, 2]
    assert "secret" not in generate_latest(metrics().registry).decode()
    assert 'attribute_type="message.received"' not in generate_latest(metrics().registry).decode()


def test_a_redelivered_message_and_answer_are_counted_as_duplicates() -> None:
    deliver_bodies(bodies=[numbered_message(0)])
    answer, message = queued_event(body=survey_body()), queued_event(body=numbered_message(1))
    for event in (answer, answer, message, message):
        assert deliver(event=event) is None

    assert count("messages_stored") == 2
    assert count("duplicates_ignored", kind="message") == 1
    assert count("duplicates_ignored", kind="answer") == 1


def test_answers_without_a_score_are_counted_once_by_reason() -> None:
    word = queued_event(body=survey_body(value="Satisfied"))
    for event in (word, word, queued_event(body=survey_body(value=None))):
        assert deliver(event=event) is None
    deliver_bodies(bodies=[survey_body(value="5"), survey_body(key="comment", value="slow")])

    counted = {one: count("answers_without_score", problem=one) for one in NoScore.values}
    assert counted == {"missing": 1, "not_a_number": 1, "not_whole": 0, "out_of_range": 0}


def test_an_event_from_a_different_group_than_its_conversation_is_counted() -> None:
    own, other = f"group:{URN}", "group:made-otherwise"
    deliver(event=queued_event(body=numbered_message(0), group_id=own))
    assert count("foreign_group_events") == 0

    deliver(event=queued_event(body=numbered_message(1), group_id=other))
    deliver(event=queued_event(body=numbered_message(2), group_id=own))
    assert count("foreign_group_events") == 1


def test_a_batch_of_two_groups_counts_one_opening_and_one_event_of_another_group() -> None:
    run_chain(
        events=[
            queued_event(body=numbered_message(0), group_id="one"),
            queued_event(body=numbered_message(1), group_id="other"),
        ]
    )

    assert count("opened") == 1
    assert count("foreign_group_events") == 1


def test_a_late_message_of_another_group_counts_as_late_and_as_of_another_group() -> None:
    conversation(
        resolution=Resolution.RESOLVED, ended_at=NOON + HOUR, span=(NOON, NOON + 10 * MINUTE)
    )
    deliver(event=queued_event(body=numbered_message(5), group_id="other"))

    assert count("late_messages", found="by_time") == 1
    assert count("foreign_group_events") == 1
    assert count("archives_written") == 1
    assert count("messages_archived") == 1
    assert count("opened") == 0


def test_closings_are_counted_by_cause(queue: ServiceQueue) -> None:
    deliver_bodies(bodies=[message_body(), close_body(), close_body()])
    takeover = window_body(urn="telegram:2", data={"has_chats_room": True})
    deliver_bodies(bodies=[message_body(urn="telegram:2"), takeover, takeover])
    without_conversation = window_body(urn="telegram:5", data={"has_chats_room": True})
    deliver_bodies(bodies=[without_conversation])
    closing_at(NOON, urn="telegram:3")
    operator_requests.request_close(
        conversation_uuid=conversation(urn="telegram:4").uuid,
        resolution=Resolution.RESOLVED,
        now=NOON,
    )
    with at(NOON):
        tick()
        queue.work()

    assert not Conversation.objects.filter(resolution=Resolution.IN_PROGRESS).exists()
    assert {by: count("closed", by=by) for by in ("event", "takeover", "time", "hand")} == {
        "event": 1,
        "takeover": 2,
        "time": 1,
        "hand": 1,
    }
    assert count("opened") == 3


def test_an_early_or_repeated_closing_pointer_is_not_counted(queue: ServiceQueue) -> None:
    due = closing_at(NOON)
    with at(NOON - MINUTE):
        closing.close_conversation.run(str(due.uuid))
    assert count("closed", by="time") == 0

    with at(NOON):
        closing.close_conversation.run(str(due.uuid))
        closing.close_conversation.run(str(due.uuid))
    assert count("closed", by="time") == 1


def test_messages_that_are_found_after_the_archive_are_counted() -> None:
    closed = conversation(resolution=Resolution.RESOLVED, ended_at=NOON)
    closed.archived_at = NOON
    closed.archive_check_at = NOON + MINUTE
    closed.save()
    write(closed, created_at=NOON)
    write(closed, created_at=NOON + MINUTE)

    with at(NOON + HOUR):
        closing.archive_late_messages.run()

    assert count("late_messages", found="by_search") == 2
    assert count("messages_archived") == 2


def test_accepted_and_refused_lake_events_are_counted_before_a_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = [
        survey_body(message={"id": f"answer-{number}"}, urn=f"telegram:{number}")
        for number in range(6)
    ]
    deliver_bodies(bodies=answers)
    lake = Lake()
    monkeypatch.setattr(datalake, "_lake", lambda: lake)

    datalake.send_data_lake_event.run()

    assert lake.calls == 3
    assert count("lake_events", result="delivered") == 3
    assert count("lake_events", result="refused") == 1


def test_dead_letters_are_counted_once_when_they_are_collected(
    queue: ServiceQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    with dead_letter_queue_of(queue, monkeypatch) as letters:
        bury(letters)
        bury(letters, sent_at=NOON + timedelta(seconds=1))
        collect()
        collect()

    assert count("dead_letters_collected") == 2


def test_a_possible_retry_is_counted_once_when_its_conversation_is_archived() -> None:
    retried = numbered_message(0, text="again"), numbered_message(1, text="again")
    deliver_bodies(bodies=[*retried, numbered_message(2), close_body()])
    assert count("possible_retries") == 1

    closing.migrate_on_close.run(str(Conversation.objects.get().uuid))

    assert count("possible_retries") == 1
