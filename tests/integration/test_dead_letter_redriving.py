"""Redriven dead letters take effect once, in order, in the conversation of their place."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from apps.common.clock import now
from apps.common.errors import Unavailable
from apps.conversations.models import Conversation, Resolution
from apps.messages import dead_letters
from apps.messages.archiving import migrate
from apps.messages.dead_letter_format import body_of, own_attributes, place_of
from apps.messages.dead_letters import Selection
from apps.messages.models import DeadLetter
from celery_sqs_fifo.delivery import Delivery
from celery_sqs_fifo.place import Place
from tasks.deadletters import redrive as redriving
from tasks.deadletters.queue import send_to_events
from tasks.deadletters.redrive import TOO_LARGE, Redrive, redrive
from testbed.sqs.fifo import Fifo
from tests.support.builders import (
    NOON,
    close_body,
    deliver_bodies,
    message_body,
    numbered_message,
    survey_body,
    window_body,
)
from tests.support.dead_letters import (
    GROUP,
    MAX_BYTES,
    Killed,
    bury,
    bury_delivery,
    bury_numbered,
    collect,
    dead_letter_queue_of,
    kept,
    numbers,
    redrive_all,
)
from tests.support.service_queue import ServiceQueue
from tests.support.stored import archived

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("outbox_hints")]

SECOND = timedelta(seconds=1)
STRING = {"DataType": "String", "StringValue": "message.received"}


@pytest.fixture
def letters(queue: ServiceQueue, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fifo]:
    """The dead-letter queue."""
    with dead_letter_queue_of(queue, monkeypatch) as letters:
        yield letters


def batches(queue: ServiceQueue) -> int:
    """Return the number of calls that have sent messages since the last collection."""
    return queue.strict.call_counts().get("SendMessageBatch", 0)


def received_in(queue: ServiceQueue, group: str) -> list[str]:
    """Receive and delete the messages of a group; return their ids."""
    return numbers([one.body for one in queue.deliveries() if one.group_id == group])


def test_a_group_is_redriven_in_the_order_in_which_its_events_were_queued(
    letters: Fifo, queue: ServiceQueue
) -> None:
    for number in range(24):
        bury_numbered(letters, number, group=f"group-{number % 2}")
    collect()

    assert redrive_all().redriven == 24

    deliveries = queue.deliveries()
    for parity in (0, 1):
        of_group = [one.body for one in deliveries if one.group_id == f"group-{parity}"]
        assert numbers(of_group) == [f"m-{number}" for number in range(parity, 24, 2)]


def test_within_a_group_the_sequence_number_decides_the_order(
    letters: Fifo, queue: ServiceQueue
) -> None:
    """The letters arrive in another order, and the clock of SQS was set back meanwhile."""
    milliseconds = {1: 2, 2: 0, 3: 0, 4: 0, 5: 9}
    for number in (4, 1, 5, 3, 2):
        bury(
            letters,
            numbered_message(number),
            sent_at=NOON + milliseconds[number] * SECOND / 1000,
            sequence_number=number,
        )
    collect()

    redrive_all()

    assert received_in(queue, GROUP) == ["m-1", "m-2", "m-3", "m-4", "m-5"]


def test_a_redrive_with_a_limit_sends_the_earliest_letters_of_each_group(letters: Fifo) -> None:
    for number in range(6):
        sent_at = NOON - number * SECOND
        bury(letters, numbered_message(number), sent_at=sent_at, sequence_number=number)
    collect()

    planned = dead_letters.plan(dead_letters.select(Selection()), limit=3)

    bodies = [body_of(DeadLetter.objects.get(pk=one.pk)) for one in planned]
    assert numbers(bodies) == ["m-0", "m-1", "m-2"]


def test_the_place_survives_any_number_of_redrives(letters: Fifo, queue: ServiceQueue) -> None:
    bury(letters, sent_at=NOON, sequence_number=7)
    first = Place(int(NOON.timestamp() * 1000), 7, GROUP)

    for _ in range(3):
        collect()
        redrive_all()
        (message,) = queue.receive()
        queue.delete(message)
        delivery = Delivery.from_sqs(message, now=0, lease=60)
        assert delivery.place == first
        bury_delivery(letters, delivery)


def test_an_event_is_redriven_unchanged_with_the_place_of_its_first_sending(
    letters: Fifo, queue: ServiceQueue
) -> None:
    text = message_body(message={"text": "\x00 \ud83d"})
    attributes = {"event_type": STRING}
    message_id = bury(letters, text, sent_at=NOON, sequence_number=7, attributes=attributes)
    collect()

    redrive_all()

    (delivery,) = queue.receive()
    assert delivery["Body"] == text
    assert delivery["Attributes"]["MessageGroupId"] == GROUP
    assert delivery["Attributes"]["MessageDeduplicationId"] == f"{message_id}:0"
    place = str(Place(int(NOON.timestamp() * 1000), 7, GROUP))
    assert delivery["MessageAttributes"] == {
        "event_type": STRING,
        "place": {"DataType": "String", "StringValue": place},
    }


def test_the_type_in_an_attribute_survives_any_number_of_redrives(
    letters: Fifo, queue: ServiceQueue
) -> None:
    """SQS allows ten attributes, so some of the others are lost."""
    close = close_body().replace('"event_type"', '"other"')
    named = {"DataType": "String", "StringValue": "conversation.close"}
    others = {f"a-{number}": STRING for number in range(9)}
    deliver_bodies(bodies=[numbered_message(0)])
    bury(letters, close, sent_at=NOON + SECOND, attributes={**others, "event_type": named})

    for _ in range(2):
        collect()
        redrive_all()
        (delivery,) = queue.deliveries()
        assert delivery.is_barrier
        bury_delivery(letters, delivery)
    collect()
    redrive_all()
    queue.work()

    assert Conversation.objects.get().resolution == Resolution.RESOLVED


def test_a_letter_without_room_for_its_type_is_refused(letters: Fifo, queue: ServiceQueue) -> None:
    named = {"DataType": "String", "StringValue": "message.received" * 20}
    body = "x" * (MAX_BYTES - 400)
    bury(letters, body)
    (letter,) = collect()
    letter.attributes = {"event_type": named}
    letter.save()

    assert redrive_all().refused == {letter.pk: TOO_LARGE}
    assert queue.deliveries() == []


def test_a_redriven_letter_is_marked_and_not_redriven_again(
    letters: Fifo, queue: ServiceQueue
) -> None:
    bury(letters)
    collect()

    assert redrive_all().redriven == 1
    assert redrive_all().total == 0

    (letter,) = kept()
    assert letter.redriven_at is not None
    assert letter.redrive_count == 1
    assert len(queue.receive()) == 1


def test_a_requested_second_redrive_is_not_deduplicated(letters: Fifo, queue: ServiceQueue) -> None:
    bury(letters)
    collect()
    redrive_all()

    redrive_all(again=True)

    assert len(queue.deliveries()) == 2
    assert kept()[0].redrive_count == 2


def test_a_redrive_that_was_killed_before_marking_sends_no_event_twice(
    letters: Fifo, queue: ServiceQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        bury_numbered(letters, number)
    collect()

    def die(_letters: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(redriving, "_mark_redriven", die)
        with pytest.raises(Killed):
            redrive_all()
    assert kept()[0].redriven_at is None

    assert redrive_all().redriven == 3

    assert received_in(queue, GROUP) == ["m-0", "m-1", "m-2"]


def test_a_lost_response_sends_no_event_twice(letters: Fifo, queue: ServiceQueue) -> None:
    bury(letters)
    collect()
    queue.strict.lose_answers(count=3, actions=["SendMessageBatch"])
    with pytest.raises(Unavailable):
        redrive_all()

    assert redrive_all().redriven == 1

    assert len(queue.deliveries()) == 1


def test_letters_that_were_redriven_or_discarded_meanwhile_are_skipped(
    letters: Fifo, queue: ServiceQueue
) -> None:
    for number in range(3):
        bury_numbered(letters, number)
    first, second, _third = collect()
    planned = dead_letters.plan(dead_letters.select(Selection()))
    redrive(planned[:1])
    dead_letters.discard([second.pk])

    done = redrive(planned)

    assert (done.redriven, done.skipped) == (1, 2)
    assert received_in(queue, first.group_id) == ["m-0", "m-2"]


def test_two_operators_at_once_send_each_letter_once_and_in_order(
    letters: Fifo, queue: ServiceQueue
) -> None:
    for number in range(12):
        bury_numbered(letters, number)
    collect()
    planned = dead_letters.plan(dead_letters.select(Selection()))

    def run(_operator: int) -> Redrive:
        try:
            return redrive(planned)
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=2) as pool:
        done = list(pool.map(run, range(2)))

    assert sum(one.redriven for one in done) == 12
    assert sum(one.skipped for one in done) == 12
    assert received_in(queue, GROUP) == [f"m-{number}" for number in range(12)]


def test_no_letter_of_a_group_overtakes_a_refused_one_and_other_groups_continue(
    letters: Fifo, queue: ServiceQueue
) -> None:
    bury_numbered(letters, 0, group="one")
    # The body is so large that its copy in the dead-letter queue has no room for the place
    # attribute. So the place of the copy itself counts.
    bury(letters, "x" * MAX_BYTES, group="one")
    bury(letters, group="one", sent_at=now(), sequence_number=10**38)
    bury_numbered(letters, 3, group="two")
    _, large, not_tried, _ = sorted(collect(), key=lambda letter: letter.pk)

    done = redrive_all()

    assert done.refused == {large.pk: TOO_LARGE}
    assert done.not_tried == [not_tried.pk]
    assert done.redriven == 2
    bodies = [delivery.body for delivery in queue.deliveries()]
    assert sorted(numbers(bodies)) == ["m-0", "m-3"]


def test_a_letter_that_sqs_refuses_stays_and_can_be_redriven_later(
    letters: Fifo, queue: ServiceQueue
) -> None:
    for number in range(3):
        bury_numbered(letters, number, group=f"group-{number}")
    collect()
    queue.strict.fail_entries(
        status=500, code="InternalError", count=1, actions=["SendMessageBatch"]
    )
    assert set(redrive_all().refused.values()) == {"InternalError"}
    assert queue.deliveries() == []

    assert redrive_all().redriven == 3


def test_an_outage_during_a_redrive_is_reported_and_the_next_run_continues(
    letters: Fifo, queue: ServiceQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        bury_numbered(letters, number)
    collect()
    calls: list[int] = []

    def send_two(messages: Any) -> dict[int, str]:
        calls.append(len(messages))
        if len(calls) > 2:
            raise Unavailable("SQS", "ServiceUnavailable")
        return send_to_events(messages)

    with monkeypatch.context() as patch:
        patch.setattr("tasks.deadletters.redrive.send_to_events", send_two)
        with pytest.raises(Unavailable):
            redrive_all()
    assert [letter.redrive_count for letter in kept()] == [1, 1, 0, 0]

    assert redrive_all().redriven == 2

    assert received_in(queue, GROUP) == ["m-0", "m-1", "m-2", "m-3"]


def test_one_call_sends_ten_groups_within_the_size_limit(
    letters: Fifo, queue: ServiceQueue
) -> None:
    for number in range(20):
        bury_numbered(letters, number, group=f"group-{number}")
    collect()
    queue.strict.reset_calls()
    redrive_all()
    assert batches(queue) == 2
    queue.deliveries()

    for number in range(5):
        bury(letters, f"{number}" * 500_000, group=f"large-{number}")
    collect()
    queue.strict.reset_calls()
    assert redrive_all().redriven == 5
    assert batches(queue) == 3
    assert len(queue.deliveries()) == 5


def test_attributes_of_the_event_are_dropped_at_the_limits_of_sqs(
    letters: Fifo, queue: ServiceQueue
) -> None:
    arn = letters.attributes("QueueArn")["QueueArn"]
    policy = f'{{"deadLetterTargetArn": "{arn}", "maxReceiveCount": 1}}'
    source = queue.another(RedrivePolicy=policy, VisibilityTimeout="60")
    attributes = {f"name-{number}": STRING for number in range(10)}
    source.send("body", MessageAttributes=attributes)
    source.receive()
    queue.strict.expire_leases(queue=source.name)
    source.receive()
    collect()

    assert redrive_all().redriven == 1

    (delivery,) = queue.receive()
    assert len(delivery["MessageAttributes"]) == 10
    assert "place" in delivery["MessageAttributes"]


def test_attributes_that_leave_no_room_for_the_place_are_dropped(
    letters: Fifo, queue: ServiceQueue
) -> None:
    """Such an event is as large as SQS allows: body and attributes together have 1 MiB."""
    arn = letters.attributes("QueueArn")["QueueArn"]
    policy = f'{{"deadLetterTargetArn": "{arn}", "maxReceiveCount": 1}}'
    source = queue.another(RedrivePolicy=policy, VisibilityTimeout="60")
    large = {"DataType": "String", "StringValue": "x" * 1_000}
    own = len("large" + "small") + 2 * len("String") + 1_000 + 1
    source.send(
        "b" * (MAX_BYTES - own),
        MessageAttributes={
            "large": large,
            "small": {"DataType": "String", "StringValue": "x"},
        },
    )
    source.receive()
    queue.strict.expire_leases(queue=source.name)
    source.receive()
    collect()

    assert redrive_all().redriven == 1

    (delivery,) = queue.receive()
    assert set(delivery["MessageAttributes"]) == {"place", "small"}


def test_the_rate_is_limited(
    letters: Fifo, queue: ServiceQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        bury_numbered(letters, number, group=f"group-{number}")
    collect()
    sleeps: list[float] = []
    progress_counts: list[int] = []
    monkeypatch.setattr("tasks.deadletters.redrive.time.sleep", sleeps.append)

    redrive_all(rate=2, on_progress=lambda progress: progress_counts.append(progress.redriven))

    assert progress_counts == [2, 4, 5]
    assert 0.5 < sleeps[0] <= 1
    assert 1.5 < sleeps[1] <= 2
    assert len(sleeps) == 2


def test_an_old_close_does_not_close_a_later_conversation(
    letters: Fifo, queue: ServiceQueue
) -> None:
    deliver_bodies(bodies=[numbered_message(0)], sent_at=NOON)
    bury(letters, close_body(), sent_at=NOON + 5 * SECOND)
    deliver_bodies(bodies=[close_body()], sent_at=NOON + 10 * SECOND)
    deliver_bodies(bodies=[numbered_message(20)], sent_at=NOON + 20 * SECOND)
    collect()
    before = list(Conversation.objects.order_by("opened_at").values())

    redrive_all()
    assert queue.work() == ["event"]

    assert list(Conversation.objects.order_by("opened_at").values()) == before
    assert before[-1]["resolution"] == Resolution.IN_PROGRESS


@pytest.mark.parametrize("takes_over", [False, True])
def test_an_old_window_does_not_change_a_later_conversation(
    letters: Fifo, queue: ServiceQueue, takes_over: bool
) -> None:
    deliver_bodies(bodies=[numbered_message(0)], sent_at=NOON)
    bury(letters, window_body(data={"has_chats_room": takes_over}), sent_at=NOON + 5 * SECOND)
    deliver_bodies(bodies=[close_body()], sent_at=NOON + 10 * SECOND)
    deliver_bodies(bodies=[numbered_message(20)], sent_at=NOON + 20 * SECOND)
    collect()
    earlier, later = Conversation.objects.order_by("opened_at").values()

    redrive_all()
    assert queue.work() == ["event"]

    taken_over, unchanged = Conversation.objects.order_by("opened_at").values()
    assert unchanged == later
    if takes_over:
        assert taken_over["resolution"] == Resolution.HAS_CHAT_ROOM
        assert taken_over["ended_at"] == earlier["ended_at"]
    else:
        assert taken_over == earlier


def test_a_redriven_close_closes_if_no_later_event_took_effect(
    letters: Fifo, queue: ServiceQueue
) -> None:
    deliver_bodies(bodies=[numbered_message(0)], sent_at=NOON)
    bury(letters, close_body(resolution=1), sent_at=NOON + 5 * SECOND)
    collect()

    redrive_all()
    queue.work()

    closed = Conversation.objects.get()
    assert (closed.resolution, closed.ended_at) == (Resolution.UNRESOLVED, NOON + 5 * SECOND)


def test_a_redriven_message_is_archived_in_order_in_its_closed_conversation(
    letters: Fifo, queue: ServiceQueue
) -> None:
    bodies = [numbered_message(0), numbered_message(2), close_body()]
    deliver_bodies(bodies=bodies, sent_at=NOON)
    bury_numbered(letters, 1)
    deliver_bodies(bodies=[numbered_message(20)], sent_at=NOON + 20 * SECOND)
    first, second = Conversation.objects.order_by("opened_at")
    collect()

    redrive_all()
    assert queue.work() == ["event"]
    for conversation in (first, second):
        migrate(conversation_uuid=conversation.uuid, now=now())

    ids = [entry["id"] for entry in archived(conversation_uuid=first.uuid)]
    assert ids == ["m-0", "m-1", "m-2"]
    assert [entry["id"] for entry in archived(conversation_uuid=second.uuid)] == ["m-20"]


def test_an_event_that_is_redriven_twice_takes_effect_once(
    letters: Fifo, queue: ServiceQueue
) -> None:
    deliver_bodies(bodies=[numbered_message(0)], sent_at=NOON)
    bury_numbered(letters, 1)
    bury(letters, survey_body(), sent_at=NOON + 2 * SECOND)
    collect()

    redrive_all()
    redrive_all(again=True)
    assert queue.work() == ["event"] * 4

    conversation = Conversation.objects.get()
    migrate(conversation_uuid=conversation.uuid, now=now())
    ids = [entry["id"] for entry in archived(conversation_uuid=conversation.uuid)]
    assert ids == ["m-0", "m-1"]
    assert conversation.survey_answers.count() == 1


def test_a_letter_that_fails_again_is_collected_with_the_place_of_its_event(
    letters: Fifo, queue: ServiceQueue
) -> None:
    bury_numbered(letters, 0, attributes={"event_type": STRING})
    bury_numbered(letters, 1)
    first, _second = collect()
    redrive([dead_letters.PlannedRedrive(first.pk, first.group_id, 0)])
    (message,) = queue.receive()

    bury_delivery(letters, Delivery.from_sqs(message, now=0, lease=60), reason="again")
    collect()

    waiting = list(dead_letters.select(Selection()))
    assert [letter.reason for letter in waiting] == ["again", "bug"]
    assert place_of(waiting[0]) == place_of(first)
    assert own_attributes(waiting[0]) == {"event_type": STRING}
