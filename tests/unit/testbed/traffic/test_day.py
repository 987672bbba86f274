"""The generated day is repeatable, has the requested size, and has a sensible order."""

import json
from collections import Counter, defaultdict
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from apps.common.errors import InvalidEvent
from apps.messages.events import Arrival
from apps.messages.reading import parse_event
from demo.samples import sample_events
from testbed.traffic.bodies import INVALID_KINDS
from testbed.traffic.day import Day, generate_day
from testbed.traffic.events import Answer, Closing, Invalid, Message, PlannedEvent, Window

DAY = date(2026, 3, 14)
ARRIVAL = Arrival(group_id="g", sent_at=datetime(2026, 3, 14, tzinfo=UTC), sequence_number="1")
SIZES = (100, 237, 1_000)


def _day(*, events: int = 1_000, seed: int = 7) -> Day:
    return generate_day(events=events, seed=seed, day=DAY)


def _message(event: PlannedEvent) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(event.body)["data"]["message"]
    return message


def _conversation(event: PlannedEvent) -> tuple[Any, int]:
    """Return the contact and the number of its conversation; 0 for an invalid event."""
    if isinstance(event.effect, Invalid):
        return event.contact, 0
    assert event.effect.conversation
    return event.contact, event.effect.conversation


def _with(day: Day, effect: Any) -> list[PlannedEvent]:
    return [event for event in day.events if isinstance(event.effect, effect)]


def _stored_by_conversation(day: Day) -> dict[Any, list[dict[str, Any]]]:
    messages = defaultdict(list)
    for event in _with(day, Message):
        messages[_conversation(event)].append(_message(event))
    return messages


def _times(messages: list[dict[str, Any]]) -> list[datetime]:
    return [datetime.fromisoformat(message["created_at"]) for message in messages]


def test_the_same_seed_gives_the_same_day() -> None:
    assert _day() == _day()


def test_another_seed_gives_another_day() -> None:
    assert _day(seed=7).events != _day(seed=8).events


@pytest.mark.parametrize("events", SIZES)
def test_a_day_has_exactly_the_events_that_were_asked_for(events: int) -> None:
    assert len(_day(events=events).events) == events


@pytest.mark.parametrize("events", SIZES)
def test_there_is_a_conversation_for_ten_events_and_an_event_closes_most_of_them(
    events: int,
) -> None:
    day = _day(events=events)
    closed = _with(day, Closing)
    names = set(map(_conversation, closed))
    assert len(names) == len(closed) == events // 10 - len(_left_open(day))
    resolutions = {e.effect.resolution for e in closed if isinstance(e.effect, Closing)}
    assert resolutions <= {0, 1, 3, 4}


@pytest.mark.parametrize("events", SIZES)
def test_some_conversations_of_every_project_are_left_open(events: int) -> None:
    day = _day(events=events)
    left_open = Counter(contact.project for contact, _ in _left_open(day))
    assert set(left_open) == {project.uuid for project in day.projects}
    assert 2 * sum(left_open.values()) <= events // 10


def test_what_is_left_open_is_the_last_conversation_of_its_contact() -> None:
    day = _day()
    left_open = _left_open(day)
    latest: Counter[Any] = Counter()
    for contact, number in map(_conversation, _with(day, Message)):
        latest[contact] = max(latest[contact], number)
    assert all(number == latest[contact] for contact, number in left_open)


def _left_open(day: Day) -> set[tuple[Any, int]]:
    valid = {_conversation(e) for e in day.events if not isinstance(e.effect, Invalid)}
    return valid - set(map(_conversation, _with(day, Closing)))


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


@pytest.mark.parametrize("events", SIZES)
def test_every_kind_of_event_comes_up(events: int) -> None:
    day = _day(events=events)
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


@pytest.mark.parametrize("events", SIZES)
def test_every_kind_of_invalid_body_comes_up_and_is_refused_with_its_reason(events: int) -> None:
    reasons = set()
    for event in _with(_day(events=events), Invalid):
        assert isinstance(event.effect, Invalid)
        reasons.add(event.effect.reason)
        if event.effect.reason != "not_allowed":
            with pytest.raises(InvalidEvent) as caught:
                parse_event(body=event.body, arrival=ARRIVAL)
            assert caught.value.reason == event.effect.reason
    assert reasons == {kind.partition(":")[0] for kind in INVALID_KINDS}


def test_no_two_events_share_a_deduplication_id() -> None:
    ids = [event.deduplication_id for event in [*sample_events(), *_day().events]]
    assert len(set(ids)) == len(ids)


def test_what_comes_after_a_close_was_written_before_it() -> None:
    """The times of late messages, repeats and edits are within their conversation's."""
    open_messages: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    closed, late = set(), 0
    for event in _day().events:
        conversation = _conversation(event)
        match event.effect:
            case Closing():
                closed.add(conversation)
            case Message() if conversation in closed:
                times = _times(open_messages[conversation])
                (at,) = _times([_message(event)])
                assert min(times) <= at <= max(times)
                late += 1
            case Message():
                open_messages[conversation].append(_message(event))
    assert late > 0


def test_a_second_conversation_begins_after_all_of_the_first() -> None:
    last_place: dict[Any, int] = {}
    first_place: dict[Any, int] = {}
    day = _day()
    for place, event in enumerate(day.events):
        first_place.setdefault(_conversation(event), place)
        last_place[_conversation(event)] = place
    seconds = [one for one in first_place if one[1] == 2]
    messages = _stored_by_conversation(day)
    for second in seconds:
        first = (second[0], 1)
        assert last_place[first] < first_place[second]
        assert max(_times(messages[first])) < min(_times(messages[second]))
    assert seconds


def test_only_a_contact_opens_a_conversation() -> None:
    opened = set()
    for event in _with(_day(), Message):
        if _conversation(event) not in opened:
            opened.add(_conversation(event))
            assert isinstance(event.effect, Message)
            assert event.effect.opens
            assert json.loads(event.body)["event_type"] == "message.received"


def test_times_are_within_two_days_and_have_an_offset() -> None:
    times = [at for messages in _stored_by_conversation(_day()).values() for at in _times(messages)]
    assert all(at.utcoffset() is not None for at in times)
    start = datetime(2026, 3, 13, tzinfo=UTC)
    assert all(0 <= (at - start).days < 4 for at in times)


def test_every_sample_has_an_effect() -> None:
    kinds = Counter(type(event.effect) for event in sample_events())
    assert kinds == {Message: 20, Invalid: 9, Answer: 5, Closing: 2, Window: 1}
