"""Events and faults of chaos runs: the same for the same seed, and of every kind."""

import json
from collections import Counter, defaultdict
from datetime import UTC, datetime
from itertools import islice

import pytest

from apps.common.errors import InvalidEvent
from apps.messages.events import Arrival
from apps.messages.reading import parse_event
from tests.chaos.catalogue import FAULTS, Strike
from tests.chaos.generator import Generator
from tests.chaos.plan import Closing, Message, PlannedEvent, Poison, Trait
from tests.chaos.schedule import MIXED, make_schedule

START = datetime(2026, 1, 1, tzinfo=UTC)
ARRIVAL = Arrival(group_id="g", sent_at=START, sequence_number="1")
# Poison that the worker refuses before it reads an event.
REFUSED_EARLIER = "not_allowed"


def generated(*, seed: int = 1, number: int = 8_000) -> list[PlannedEvent]:
    return list(islice(Generator(seed=seed, start=START, rate=50), number))


@pytest.fixture(scope="module")
def events() -> list[PlannedEvent]:
    return generated()


def test_the_same_seed_gives_the_same_events_and_another_one_others() -> None:
    assert generated(number=500) == generated(number=500)
    assert generated(number=500) != generated(number=500, seed=2)


def test_no_two_events_have_the_same_body(events: list[PlannedEvent]) -> None:
    assert len({event.body for event in events}) == len(events)


def test_a_hundredth_is_poison_and_nearly_a_third_of_one_group(events: list[PlannedEvent]) -> None:
    poison = sum(isinstance(event.effect, Poison) for event in events)
    hot = sum(event.contact.trait is Trait.HOT for event in events)

    assert 0.005 < poison / len(events) < 0.02
    assert 0.27 < hot / len(events) < 0.33


def test_poison_is_refused_with_its_reason_and_nothing_else_is(events: list[PlannedEvent]) -> None:
    reasons = set()
    for event in events:
        match event.effect:
            case Poison(reason=reason):
                reasons.add(reason)
                if reason == REFUSED_EARLIER:
                    continue
                with pytest.raises(InvalidEvent) as caught:
                    parse_event(body=event.body, arrival=ARRIVAL)
                assert caught.value.reason == reason
            case _:
                parse_event(body=event.body, arrival=ARRIVAL)
    assert len(reasons) == 8


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
    for event in events:
        match event.effect:
            case Closing(conversation=int(number)):
                closes[event.group_id] += 1
                assert number == closes[event.group_id]
            case Message(conversation=int(number), version=1, message_id=message_id):
                is_new = message_id == f"e-{event.number}"
                assert number == closes[event.group_id] + 1 if is_new else number > 0


def test_times_of_new_messages_rise(events: list[PlannedEvent]) -> None:
    times = [
        event.effect.created_at
        for event in events
        if isinstance(event.effect, Message) and event.effect.message_id == f"e-{event.number}"
    ]

    assert times == sorted(times)
    assert len(times) > len(events) / 2


def test_bodies_begin_with_id_and_version(events: list[PlannedEvent]) -> None:
    for event in events:
        if isinstance(event.effect, Message):
            text = json.loads(event.body)["data"]["message"]["text"]
            assert text.startswith(f"{event.effect.message_id} v{event.effect.version} ")


def test_the_same_seed_gives_the_same_schedule() -> None:
    assert make_schedule(seed=3, seconds=600) == make_schedule(seed=3, seconds=600)
    assert make_schedule(seed=3, seconds=600) != make_schedule(seed=4, seconds=600)


@pytest.mark.parametrize("seed", range(20))
def test_ten_minutes_have_every_fault_alone_and_enough_kills(seed: int) -> None:
    schedule = make_schedule(seed=seed, seconds=600)
    strikes = Counter(action.strike for action in schedule.actions)

    assert {episode.name for episode in schedule.episodes} == {
        MIXED,
        *(fault.name for fault in FAULTS),
    }
    workers = strikes[Strike.KILL_WORKER] + 3 * strikes[Strike.KILL_ALL_WORKERS]
    assert workers >= 60
    assert workers + strikes[Strike.KILL_POOL_PROCESS] >= 230


@pytest.mark.parametrize("seconds", [20, 60, 600])
def test_faults_alone_do_not_overlap_and_all_end_within_the_run(seconds: int) -> None:
    schedule = make_schedule(seed=5, seconds=seconds)

    ends = 0.0
    for episode in schedule.episodes:
        assert ends <= episode.begins < episode.ends <= seconds
        ends = episode.ends
    assert all(0 <= action.at <= seconds for action in schedule.actions)
