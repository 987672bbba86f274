"""The generated day: always the same, of the size asked for, and in an order that makes sense."""

import json
from collections import Counter, defaultdict
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from demo.bodies import INVALID_KINDS
from demo.events import Answered, Changed, ConversationName, PlannedEvent, Quarantined, Stored
from demo.samples import sample_events
from demo.traffic import Day, generate_day

DAY = date(2026, 3, 14)
SIZES = (100, 237, 1_000)


def _day(*, events: int = 1_000, seed: int = 7) -> Day:
    return generate_day(events=events, seed=seed, day=DAY)


def _message(event: PlannedEvent) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(event.body)["data"]["message"]
    return message


def _stored_by_conversation(day: Day) -> dict[Any, list[dict[str, Any]]]:
    messages = defaultdict(list)
    for event in day.events:
        if isinstance(event.effect, Stored):
            messages[event.effect.conversation].append(_message(event))
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
    closed = [each.effect for each in day.events if isinstance(each.effect, Changed)]
    names = {effect.conversation for effect in closed}
    assert len(names) == len(closed) == events // 10 - len(_left_open(day))
    assert all(effect.resolution in (0, 1, 3, 4) for effect in closed)


@pytest.mark.parametrize("events", SIZES)
def test_some_conversations_of_every_project_are_left_open(events: int) -> None:
    day = _day(events=events)
    left_open = Counter(name.project_uuid for name in _left_open(day))
    assert set(left_open) == {project.uuid for project in day.projects}
    assert 2 * sum(left_open.values()) <= events // 10


def test_what_is_left_open_is_the_last_conversation_of_its_contact() -> None:
    day = _day()
    left_open = _left_open(day)
    latest: Counter[str] = Counter()
    for effect in _stored_effects(day):
        name = effect.conversation
        latest[name.contact_urn] = max(latest[name.contact_urn], name.number)
    assert all(name.number == latest[name.contact_urn] for name in left_open)


def _left_open(day: Day) -> set[ConversationName]:
    effects = [event.effect for event in day.events if not isinstance(event.effect, Quarantined)]
    closed = {effect.conversation for effect in effects if isinstance(effect, Changed)}
    return {effect.conversation for effect in effects} - closed


def test_too_small_a_day_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 100"):
        _day(events=99)


def test_there_are_five_projects_in_four_time_zones() -> None:
    day = _day()
    assert len({project.uuid for project in day.projects}) == 5
    assert len({project.timezone for project in day.projects}) == 4
    used = {event.attributes["project_uuid"]["StringValue"] for event in day.events}
    assert used == {project.uuid for project in day.projects}


@pytest.mark.parametrize("month", range(1, 13))
def test_the_clocks_of_a_project_are_never_set_back(month: int) -> None:
    """An hour that happens twice has no closing time of its own the second time."""
    zones = {ZoneInfo(project.timezone) for project in _day().projects}
    for zone in zones:
        offsets = {datetime(year, month, 1, tzinfo=zone).utcoffset() for year in (2026, 2036)}
        assert offsets == {datetime(2026, 1, 1, tzinfo=zone).utcoffset()}


@pytest.mark.parametrize("events", SIZES)
def test_every_kind_of_event_comes_up(events: int) -> None:
    day = _day(events=events)
    keys = {event.effect.key for event in day.events if isinstance(event.effect, Answered)}
    assert keys == {"weni_csat", "weni_nps", "order_status"}
    quarantined = [event for event in day.events if isinstance(event.effect, Quarantined)]
    assert len(quarantined) >= len(INVALID_KINDS)
    assert any(effect.conversation.number == 2 for effect in _stored_effects(day))
    bodies = Counter(event.body for event in day.events if isinstance(event.effect, Stored))
    assert max(bodies.values()) > 1
    versions = defaultdict(set)
    for messages in _stored_by_conversation(day).values():
        for message in messages:
            versions[message["id"]].add(message["text"])
    assert any(len(texts) > 1 for texts in versions.values())


def _stored_effects(day: Day) -> list[Stored]:
    return [event.effect for event in day.events if isinstance(event.effect, Stored)]


def test_no_two_events_share_a_deduplication_id() -> None:
    ids = [event.deduplication_id for event in [*sample_events(), *_day().events]]
    assert len(set(ids)) == len(ids)


def test_what_comes_after_a_close_was_written_before_it() -> None:
    """Late messages, repeats and edits: their times lie within the conversation's."""
    open_messages: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    closed, late = set(), 0
    for event in _day().events:
        match event.effect:
            case Changed(conversation=conversation):
                closed.add(conversation)
            case Stored(conversation=conversation) if conversation in closed:
                times = _times(open_messages[conversation])
                (at,) = _times([_message(event)])
                assert min(times) <= at <= max(times)
                late += 1
            case Stored(conversation=conversation):
                open_messages[conversation].append(_message(event))
    assert late > 0


def test_a_second_conversation_begins_after_all_of_the_first() -> None:
    last_place: dict[Any, int] = {}
    first_place: dict[Any, int] = {}
    day = _day()
    for place, event in enumerate(day.events):
        if not isinstance(event.effect, Quarantined):
            first_place.setdefault(event.effect.conversation, place)
            last_place[event.effect.conversation] = place
    seconds = [name for name in first_place if name.number == 2]
    messages = _stored_by_conversation(day)
    for second in seconds:
        (first,) = [
            name
            for name in first_place
            if name.contact_urn == second.contact_urn and name.number == 1
        ]
        assert last_place[first] < first_place[second]
        assert max(_times(messages[first])) < min(_times(messages[second]))
    assert seconds


def test_only_a_contact_opens_a_conversation() -> None:
    opened = set()
    for event in _day().events:
        if isinstance(event.effect, Stored) and event.effect.conversation not in opened:
            opened.add(event.effect.conversation)
            assert json.loads(event.body)["event_type"] == "message.received"


def test_times_are_within_two_days_and_have_an_offset() -> None:
    times = [at for messages in _stored_by_conversation(_day()).values() for at in _times(messages)]
    assert all(at.utcoffset() is not None for at in times)
    start = datetime(2026, 3, 13, tzinfo=UTC)
    assert all(0 <= (at - start).days < 4 for at in times)


def test_every_sample_has_an_effect() -> None:
    kinds = Counter(type(event.effect) for event in sample_events())
    assert kinds == {Stored: 20, Quarantined: 9, Answered: 5, Changed: 3}
