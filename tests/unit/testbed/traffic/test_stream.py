"""The endless stream is the same for the same seed, and has events of every kind."""

from collections import Counter, defaultdict
from datetime import UTC, datetime
from itertools import islice, pairwise

import pytest

from apps.common.errors import InvalidEvent
from apps.messages.reading import parse_event
from testbed.traffic.events import Closing, Invalid, Message, PlannedEvent, Trait
from testbed.traffic.stream import Stream
from tests.support.builders import place

START = datetime(2026, 1, 1, tzinfo=UTC)
PLACE = place(queue_time=START)
# Invalid bodies that the worker refuses before it parses an event.
REFUSED_EARLIER = "not_allowed"


def generated(*, seed: int = 1, number: int = 8_000) -> list[PlannedEvent]:
    return list(islice(Stream(seed=seed, start=START, rate=50), number))


@pytest.fixture(scope="module")
def events() -> list[PlannedEvent]:
    return generated()


def test_the_same_seed_gives_the_same_events_and_another_one_others() -> None:
    assert generated(number=500) == generated(number=500)
    assert generated(number=500) != generated(number=500, seed=2)


def test_only_repeats_have_the_body_of_another_event(events: list[PlannedEvent]) -> None:
    repeats = sum(event.kind == "repeat" for event in events)

    assert len(events) - len({event.body for event in events}) == repeats > 0


def test_a_hundredth_is_invalid_and_nearly_a_third_is_of_the_hot_contact(
    events: list[PlannedEvent],
) -> None:
    invalid = sum(isinstance(event.effect, Invalid) for event in events)
    hot = sum(event.contact.trait is Trait.HOT for event in events)

    assert 0.005 < invalid / len(events) < 0.02
    assert 0.27 < hot / len(events) < 0.33


def test_an_invalid_event_is_refused_with_its_reason_and_nothing_else_is(
    events: list[PlannedEvent],
) -> None:
    reasons = set()
    for event in events:
        match event.effect:
            case Invalid(reason=reason):
                reasons.add(reason)
                if reason == REFUSED_EARLIER:
                    continue
                with pytest.raises(InvalidEvent) as caught:
                    parse_event(body=event.body, place=PLACE)
                assert caught.value.reason == reason
            case _:
                parse_event(body=event.body, place=PLACE)
    assert len(reasons) == 7


def test_new_contacts_write_once(events: list[PlannedEvent]) -> None:
    groups = Counter(event.group_id for event in events if event.contact.trait is Trait.NEW)

    assert 0.02 < len(groups) / len(events) < 0.04
    assert set(groups.values()) == {1}


def test_only_split_contacts_have_two_groups(events: list[PlannedEvent]) -> None:
    groups = defaultdict(set)
    for event in events:
        groups[event.contact].add(event.group_id)

    for contact, names in groups.items():
        assert len(names) == (2 if contact.trait is Trait.SPLIT else 1), contact


def test_messages_belong_to_the_conversation_after_the_closes_before_them(
    events: list[PlannedEvent],
) -> None:
    closes: Counter[str] = Counter()
    marks = 0
    for event in events:
        match event.effect:
            case Closing(conversation=int(number)):
                is_mark = event.kind == "takeover" and number == closes[event.group_id]
                closes[event.group_id] += not is_mark
                marks += is_mark
                assert number == closes[event.group_id]
            case Message(conversation=int(number), message_id=message_id):
                is_new = message_id == f"e-{event.number}"
                assert number == closes[event.group_id] + 1 if is_new else number > 0
    assert marks, "no takeover comes after the end of a conversation"


def test_some_stamps_are_off_and_some_are_not_plausible(events: list[PlannedEvent]) -> None:
    times = [
        event.effect.created_at or ""
        for event in events
        if isinstance(event.effect, Message) and event.effect.message_id == f"e-{event.number}"
    ]

    off = sum(before > after for before, after in pairwise(filter(None, times)))
    assert 0 < off < len(times) / 5
    assert 0 < times.count("") < len(times) / 5
    assert len(times) > len(events) / 2
