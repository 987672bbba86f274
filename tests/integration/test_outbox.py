"""The outbox is drained into the data lake at least once, oldest first."""

import itertools
import json
import random
import threading
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from apps.analytics import outbox
from apps.analytics.datalake import DataLake, LakeEvent, Refused, data_lake
from apps.analytics.models import OutboxEvent
from apps.analytics.outbox import drain, prune
from apps.analytics.retrying import retry_refused
from apps.common.errors import Unavailable
from apps.conversations.audit import command_line
from tests.support.builders import NOON
from tests.support.services import answer_recorded

LATER = NOON + timedelta(minutes=1)
MOMENT = timedelta(0)
MINUTE = timedelta(minutes=1)


class Lake(DataLake):
    """A data lake that keeps events. The calls with the numbers `refuses` raise Unavailable."""

    max_batch_size = 3

    def __init__(self, *, refuses: Sequence[int] = (), gather_for: timedelta = MOMENT) -> None:
        self.gather_for = gather_for
        self.batches: list[list[str]] = []
        self._refuses = refuses

    def send(self, events: Sequence[LakeEvent]) -> None:
        """See `DataLake.send`."""
        self.batches.append([event["value"] for event in events])
        if len(self.batches) in self._refuses:
            raise Unavailable("The data lake", "it refuses")


@pytest.fixture
def seven_events(transactional_db: None) -> None:
    """Put seven events into the outbox. A call to the lake takes three."""
    for number in range(7):
        answer_recorded(
            message_id=f"answer-{number}",
            key="order_status",
            value=str(number),
            at=NOON,
            sequence_number=number,
        )


def in_thread(action: Callable[[], None]) -> None:
    """Run an action in a thread, with a connection of its own, and wait for its end."""

    def run() -> None:
        try:
            action()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(timeout=30)
    assert not thread.is_alive()


def waiting() -> list[str]:
    """Return the events that wait for delivery."""
    events = OutboxEvent.objects.filter(delivered_at=None).order_by("id")
    return [event.payload["value"] for event in events]


@pytest.mark.usefixtures("seven_events")
def test_waiting_events_are_delivered_oldest_first_in_bounded_calls() -> None:
    lake = Lake()

    assert drain(lake=lake, now=LATER) == 7

    assert lake.batches == [["0", "1", "2"], ["3", "4", "5"], ["6"]]
    assert waiting() == []
    assert set(OutboxEvent.objects.values_list("delivered_at", flat=True)) == {LATER}


@pytest.mark.usefixtures("seven_events")
def test_delivered_events_are_not_delivered_again() -> None:
    drain(lake=Lake(), now=LATER)
    lake = Lake()

    assert drain(lake=lake, now=LATER) == 0

    assert lake.batches == []


@pytest.mark.usefixtures("seven_events")
def test_the_rows_stay_for_a_later_drain_if_the_lake_refuses() -> None:
    with pytest.raises(Unavailable):
        drain(lake=Lake(refuses=[2]), now=LATER)
    assert waiting() == ["3", "4", "5", "6"]

    lake = Lake()
    assert drain(lake=lake, now=LATER) == 4
    assert lake.batches == [["3", "4", "5"], ["6"]]


@pytest.mark.usefixtures("seven_events")
def test_a_crash_between_delivery_and_commit_delivers_the_events_again() -> None:
    class Killed(BaseException):
        """Simulates the kill of a worker."""

    class KillsAfterDelivery(Lake):
        def send(self, events: Sequence[LakeEvent]) -> None:
            super().send(events)
            raise Killed

    lake = KillsAfterDelivery()
    with pytest.raises(Killed):
        drain(lake=lake, now=LATER)
    again = Lake()

    drain(lake=again, now=LATER)

    assert lake.batches == [["0", "1", "2"]]
    assert again.batches[0] == ["0", "1", "2"]
    assert waiting() == []


@pytest.mark.usefixtures("seven_events")
def test_two_drains_at_once_deliver_each_event_once() -> None:
    delivering, may_end = threading.Event(), threading.Event()

    class SlowLake(Lake):
        def send(self, events: Sequence[LakeEvent]) -> None:
            super().send(events)
            delivering.set()
            assert may_end.wait(timeout=10)

    slow, fast = SlowLake(), Lake()

    def drain_slowly() -> None:
        try:
            drain(lake=slow, now=LATER)
        finally:
            connection.close()

    thread = threading.Thread(target=drain_slowly)
    thread.start()
    assert delivering.wait(timeout=10)
    drain(lake=fast, now=LATER)
    may_end.set()
    thread.join(timeout=30)

    assert slow.batches == [["0", "1", "2"]]
    assert fast.batches == [["3", "4", "5"], ["6"]]
    assert waiting() == []


@pytest.mark.usefixtures("seven_events")
def test_events_arrive_in_the_files_of_the_embedded_lake(tmp_path: Path) -> None:
    drain(lake=data_lake(tmp_path.as_uri()), now=LATER)

    events: list[dict[str, Any]] = [
        json.loads(line)
        for path in tmp_path.rglob("*.jsonl")
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    assert sorted(event["value"] for event in events) == list("0123456")
    assert len({event["event_id"] for event in events}) == 7


@pytest.mark.usefixtures("seven_events")
def test_a_lake_that_gathers_gets_full_batches_at_once_and_the_rest_after_its_time() -> None:
    lake = Lake(gather_for=MINUTE)

    assert drain(lake=lake, now=NOON) == 6
    assert drain(lake=lake, now=NOON + MINUTE - timedelta(milliseconds=1)) == 0
    assert lake.batches == [["0", "1", "2"], ["3", "4", "5"]]
    assert waiting() == ["6"]

    answer_recorded(
        message_id="younger", key="order_status", value="7", at=LATER, sequence_number=7
    )
    assert drain(lake=lake, now=NOON + MINUTE) == 2
    assert lake.batches[2:] == [["6", "7"]]


@pytest.mark.usefixtures("seven_events")
@pytest.mark.parametrize("gather_for", [MOMENT, MINUTE])
def test_events_of_a_worker_whose_clock_is_ahead_do_not_wait(gather_for: timedelta) -> None:
    assert drain(lake=Lake(gather_for=gather_for), now=NOON - 5 * MINUTE) == 7


@pytest.mark.usefixtures("seven_events")
def test_while_a_delivery_runs_younger_events_are_gathered() -> None:
    younger = Lake(gather_for=MINUTE)

    class AnswersMeanwhile(Lake):
        def send(self, events: Sequence[LakeEvent]) -> None:
            super().send(events)
            if len(self.batches) == 3:
                in_thread(answer_and_drain)

    def answer_and_drain() -> None:
        answer_recorded(
            message_id="younger", key="order_status", value="7", at=LATER, sequence_number=7
        )
        drain(lake=younger, now=LATER)

    drain(lake=AnswersMeanwhile(gather_for=MINUTE), now=LATER)

    assert younger.batches == []
    assert waiting() == ["7"]


def test_answers_of_a_minute_become_one_file(transactional_db: None, tmp_path: Path) -> None:
    lake = data_lake(tmp_path.as_uri())
    for second in range(0, 60, 10):
        at = NOON + timedelta(seconds=second)
        answer_recorded(
            message_id=f"at-{second}", key="k", value="1", at=at, sequence_number=second
        )
        drain(lake=lake, now=at)
    assert list(tmp_path.iterdir()) == []

    assert drain(lake=lake, now=LATER) == 6

    assert len(list(tmp_path.rglob("*.jsonl"))) == 1


@pytest.mark.usefixtures("seven_events")
def test_refused_events_are_marked_and_delay_no_others() -> None:
    fourth = OutboxEvent.objects.order_by("id")[3]

    class PickyLake(Lake):
        def send(self, events: Sequence[LakeEvent]) -> None:
            super().send(events)
            if str(fourth.event_id) in {event["event_id"] for event in events}:
                raise Refused({str(fourth.event_id): "too_large"})

    assert drain(lake=PickyLake(), now=LATER) == 7

    fourth.refresh_from_db()
    assert (fourth.refusal, fourth.delivered_at) == ("too_large", None)
    assert waiting() == ["3"]
    assert drain(lake=Lake(), now=LATER) == 0


@pytest.mark.usefixtures("seven_events")
def test_refused_events_are_sent_again_on_request() -> None:
    OutboxEvent.objects.update(refusal="too_large")
    chosen = OutboxEvent.objects.order_by("id")[2].event_id

    assert retry_refused(actor=command_line(), event_ids=[chosen]) == 1
    lake = Lake()
    drain(lake=lake, now=LATER)
    assert lake.batches == [["2"]]

    assert retry_refused(actor=command_line()) == 6
    assert drain(lake=lake, now=LATER) == 6


@pytest.mark.usefixtures("seven_events")
def test_one_drain_makes_a_bounded_number_of_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "MAX_CALLS", 2)
    lake = Lake()

    assert drain(lake=lake, now=LATER) == 6
    assert drain(lake=lake, now=LATER) == 1
    assert lake.batches == [["0", "1", "2"], ["3", "4", "5"], ["6"]]


@pytest.mark.usefixtures("seven_events")
def test_rows_are_pruned_a_week_after_their_delivery() -> None:
    drain(lake=Lake(), now=LATER)
    waits = OutboxEvent.objects.order_by("id")[0]
    OutboxEvent.objects.filter(pk=waits.pk).update(delivered_at=None)

    assert prune(now=LATER + timedelta(days=7)) == 0
    assert prune(now=LATER + timedelta(days=7, seconds=1)) == 6
    assert list(OutboxEvent.objects.all()) == [waits]


@pytest.mark.usefixtures("seven_events")
def test_a_lake_that_often_fails_eventually_receives_all_events() -> None:
    chance = random.Random(7)  # noqa: S311

    class FlakyLake(Lake):
        """A lake that fails at random, before or after it takes the events."""

        def send(self, events: Sequence[LakeEvent]) -> None:
            if chance.random() < 0.25:
                raise Unavailable("The data lake", "before")
            super().send(events)
            if chance.random() < 0.33:
                raise Unavailable("The data lake", "after")

    lake = FlakyLake()
    failures = 0
    while waiting():
        try:
            drain(lake=lake, now=LATER)
        except Unavailable:
            failures += 1

    assert failures > 1
    in_order = [value for value, _ in itertools.groupby(lake.batches)]
    assert [value for batch in in_order for value in batch] == [str(n) for n in range(7)]
