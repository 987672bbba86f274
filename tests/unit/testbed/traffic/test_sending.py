"""Events are sent in batches that SQS accepts, again after failures, and never out of order."""

from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from testbed.traffic.day import generate_day
from testbed.traffic.events import PlannedEvent
from testbed.traffic.sending import EventQueue, Refused, batches
from tests.support.builders import NOON

EVENTS = generate_day(events=100, seed=1, day=NOON.date()).events


class FakeSqs:
    """Fails `failures` times, and then refuses the first `refuses` entries.

    Before that, it does not tell its depth `unknown_depths` times.
    """

    def __init__(self, *, refuses: int = 0, failures: int = 0, unknown_depths: int = 0) -> None:
        self.taken: list[str] = []
        self._unknown_depths = unknown_depths
        self._refuses = refuses
        self._failures = failures

    def send_message_batch(self, *, Entries: list[dict[str, Any]], **_: Any) -> dict[str, Any]:
        if self._failures:
            self._failures -= 1
            raise EndpointConnectionError(endpoint_url="http://127.0.0.1:9")
        refused, taken = Entries[: self._refuses], Entries[self._refuses :]
        self._refuses = 0
        self.taken += [entry["Id"] for entry in taken]
        return {
            "Failed": [{"Id": entry["Id"], "Code": "InternalError"} for entry in refused],
            "Successful": [
                {"Id": entry["Id"], "MessageId": f"sqs-{entry['Id']}", "SequenceNumber": "1"}
                for entry in taken
            ],
        }

    def get_queue_attributes(self, **_: Any) -> dict[str, Any]:
        if self._unknown_depths:
            self._unknown_depths -= 1
            raise EndpointConnectionError(endpoint_url="http://127.0.0.1:9")
        return {"Attributes": {"ApproximateNumberOfMessages": "0"}}


def queue(sqs: Any, *, retry_seconds: float | None = None) -> EventQueue:
    return EventQueue(sqs=sqs, url="url", retry_seconds=retry_seconds)


def of_groups(*groups: str) -> list[PlannedEvent]:
    return [replace(event, group_id=name) for event, name in zip(EVENTS, groups, strict=False)]


def test_all_events_are_published_in_their_order() -> None:
    sqs = FakeSqs()

    sent = queue(sqs).publish(EVENTS, max_backlog=90)

    assert [one.event for one in sent] == EVENTS
    assert sqs.taken == [str(event.number) for event in EVENTS]


def test_a_batch_is_within_the_limits_of_one_call() -> None:
    large = [replace(event, body="x" * 400_000) for event in EVENTS[:5]]
    events = [*large, *EVENTS[5:30]]

    taken = list(batches(events))

    assert [len(batch) for batch in taken] == [2, 2, 10, 10, 6]
    assert [event for batch in taken for event in batch] == events


def test_a_failed_call_is_repeated_only_with_retry_seconds() -> None:
    events = of_groups("a", "b", "c")

    for sqs in (FakeSqs(refuses=1), FakeSqs(failures=2)):
        sent = queue(sqs, retry_seconds=0.0).send(events)
        assert [one.message_id for one in sent] == [f"sqs-{event.number}" for event in events]
    with pytest.raises(Refused, match="InternalError"):
        queue(FakeSqs(refuses=1)).send(events)
    with pytest.raises(EndpointConnectionError):
        queue(FakeSqs(failures=1)).send(events)


def test_publishing_waits_while_sqs_does_not_answer_only_with_retry_seconds() -> None:
    sqs = FakeSqs(unknown_depths=2, failures=2)

    sent = queue(sqs, retry_seconds=0.0).publish(EVENTS, max_backlog=90)

    assert [one.event for one in sent] == EVENTS
    with pytest.raises(EndpointConnectionError):
        queue(FakeSqs(unknown_depths=1)).publish(EVENTS, max_backlog=90)


def test_an_event_that_overtakes_another_of_its_group_is_an_error() -> None:
    with pytest.raises(Refused, match="later event"):
        queue(FakeSqs(refuses=1), retry_seconds=0.0).send(of_groups("a", "a"))
