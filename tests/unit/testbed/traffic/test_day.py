"""The generated day is the same for the same seed, and has events of every kind."""

import json
from collections import Counter, defaultdict
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from apps.common.errors import InvalidEvent
from apps.messages.reading import parse_event
from demo.samples import sample_events
from testbed.traffic.bodies import INVALID_KINDS
from testbed.traffic.day import Day, generate_day
from testbed.traffic.events import Answer, Closing, Invalid, Message, PlannedEvent, Window
from tests.support.builders import place

DAY = date(2026, 3, 14)
PLACE = place(queue_time=datetime(2026, 3, 14, tzinfo=UTC))
SIZES = (100, 237, 1_000)


def _day(*, events: int = 1_000, seed: int = 7) -> Day:
    return generate_day(events=events, seed=seed, day=DAY)


def _message(event: PlannedEvent) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(event.body)["data"]["message"]
    return message


def _conversation(event: PlannedEvent) -> tuple[Any, int]:
    """Return the contact and the number of its conversation; 0 if the event has none."""
    if isinstance(event.effect, Invalid):
        return event.contact, 0
    return event.contact, event.effect.conversation or 0


def _with(day: Day, effect: Any) -> list[PlannedEvent]:
    return [event for event in day.all_events if isinstance(event.effect, effect)]


def _stored_by_conversation(day: Day) -> dict[Any, list[dict[str, Any]]]:
    messages = defaultdict(list)
    for event in _with(day, Message):
        messages[_conversation(event)].append(_message(event))
    return messages


def test_the_same_seed_gives_the_same_day() -> None:
    assert _day() == _day()


def test_another_seed_gives_another_day() -> None:
    assert _day(seed=7).events != _day(seed=8).events


@pytest.mark.parametrize("events", SIZES)
def test_a_day_has_exactly_the_events_that_were_asked_for(events: int) -> None:
    assert len(_day(events=events).all_events) == events


@pytest.mark.parametrize("events", SIZES)
def test_events_close_conversations_and_leave_others_open(events: int) -> None:
    day = _day(events=events)
    closed = _with(day, Closing)
    assert len(set(map(_conversation, closed))) == len(closed) > 0
    assert {e.effect.resolution for e in closed if isinstance(e.effect, Closing)} <= {0, 1, 3, 4}
    assert _left_open(day)


def test_some_conversations_of_every_project_are_left_open() -> None:
    day = _day()
    assert {contact.project for contact, _ in _left_open(day)} == {one.uuid for one in day.projects}


def _left_open(day: Day) -> set[tuple[Any, int]]:
    opened = set(map(_conversation, _with(day, Message | Window)))
    return opened - set(map(_conversation, _with(day, Closing)))


def test_too_small_a_day_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 100"):
        _day(events=99)


def test_there_are_five_projects_in_four_time_zones() -> None:
    day = _day()
    assert len({project.uuid for project in day.projects}) == 5
    assert len({project.timezone for project in day.projects}) == 4
    used = {event.attributes["project_uuid"] for event in day.events if event.attributes}
    assert used == {project.uuid for project in day.projects}


@pytest.mark.parametrize("month", range(1, 13))
def test_the_clocks_of_a_project_are_never_set_back(month: int) -> None:
    """In an hour that happens twice, no closing time could mean the second time."""
    zones = {ZoneInfo(project.timezone) for project in _day().projects}
    for zone in zones:
        offsets = {datetime(year, month, 1, tzinfo=zone).utcoffset() for year in (2026, 2036)}
        assert offsets == {datetime(2026, 1, 1, tzinfo=zone).utcoffset()}


def test_every_kind_of_event_comes_up() -> None:
    day = _day()
    keys = {event.effect.key for event in day.events if isinstance(event.effect, Answer)}
    assert keys == {"weni_csat", "weni_nps", "order_status"}
    assert len(_with(day, Invalid)) >= len(INVALID_KINDS)
    assert any(number == 2 for _, number in map(_conversation, _with(day, Message)))
    bodies = Counter(event.body for event in _with(day, Message))
    assert max(bodies.values()) > 1
    versions = defaultdict(set)
    for messages in _stored_by_conversation(day).values():
        for message in messages:
            versions[message["id"]].add(message["text"])
    assert any(len(texts) > 1 for texts in versions.values())


def test_every_kind_of_invalid_body_comes_up_and_is_refused_with_its_reason() -> None:
    reasons = set()
    for event in _with(_day(), Invalid):
        assert isinstance(event.effect, Invalid)
        reasons.add(event.effect.reason)
        if event.effect.reason != "not_allowed":
            with pytest.raises(InvalidEvent) as caught:
                parse_event(body=event.body, place=PLACE)
            assert caught.value.reason == event.effect.reason
    assert reasons == {kind.partition(":")[0] for kind in INVALID_KINDS}


def test_no_two_events_share_a_deduplication_id() -> None:
    ids = [event.deduplication_id for event in [*sample_events(), *_day().events]]
    assert len(set(ids)) == len(ids)


def test_nothing_but_answers_and_new_conversations_come_after_a_close() -> None:
    closed, late = set(), 0
    day = _day()
    for event in day.all_events:
        conversation = _conversation(event)
        match event.effect:
            case Closing():
                closed.add(conversation)
            case Message(after_reopening=is_after):
                assert (conversation in closed) is is_after
            case Answer():
                late += conversation in closed
    assert late > 0


def test_every_sample_has_an_effect() -> None:
    kinds = Counter(type(event.effect) for event in sample_events())
    assert kinds == {Message: 20, Invalid: 7, Answer: 7, Closing: 2, Window: 1}
