"""The bare loops process the events of a receive in their order."""

from collections.abc import Sequence
from typing import Any

import pytest

from bench.common.chat import ChatEvent, Load, close_of
from bench.event_cost import bare_work
from celery_sqs_fifo import BatchItem
from tasks.steps import attributing, storing

FIRST, SECOND = Load(contacts=2, numbers=range(1))


def received(*events: ChatEvent) -> list[dict[str, Any]]:
    """Return the events as messages of a receive."""
    return [
        {
            "Body": event.body,
            "Attributes": {
                "SentTimestamp": "1700000000000",
                "SequenceNumber": str(number),
                "MessageGroupId": event.group,
            },
        }
        for number, event in enumerate(events)
    ]


@pytest.fixture
def processed(monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """The sequence numbers of the events that each call has processed, which changes nothing."""
    calls: list[list[int]] = []

    def note(items: Sequence[BatchItem]) -> None:
        calls.append([item.event.place.sequence_number for item in items])

    monkeypatch.setattr(attributing, "attribute_all", note)
    monkeypatch.setattr(storing, "store_all", lambda _items: None)
    monkeypatch.setattr(bare_work, "process", lambda item: note([item]))
    return calls


def test_each_event_has_calls_of_its_own(processed: list[list[int]]) -> None:
    bare_work.one_by_one(received(FIRST, SECOND, close_of(0)))

    assert processed == [[0], [1], [2]]


def test_messages_share_calls_up_to_an_event_that_closes(processed: list[list[int]]) -> None:
    bare_work.together(received(FIRST, SECOND, close_of(0), close_of(1), FIRST, SECOND))

    assert processed == [[0, 1], [2], [3], [4, 5]]
