"""A cause has a quota of quarantined events. Events above the quota are parked."""

import pytest

from celery_sqs_fifo import Options
from celery_sqs_fifo.consuming.causes import (
    MAX_CAUSES,
    MAX_REMEMBERED,
    Causes,
    parking_seconds,
    seconds_until_room,
)
from tests.support.fake_calls import delivery

HOUR = 3600.0
DAY = 24 * HOUR
# The guide of the library requires this value in the queue's redrive policy.
MAX_RECEIVE_COUNT = 100
OPTIONS = Options(dead_letter_queue_url="dlq.fifo")


@pytest.fixture
def causes() -> Causes:
    return Causes(max_quarantined_per_hour=3)


def test_three_events_of_a_cause_may_be_quarantined_within_any_hour(causes: Causes) -> None:
    times = [0.0, 10.0, 20.0, 30.0, HOUR - 1, HOUR, HOUR + 1, HOUR + 10]

    allowed = [at for at in times if causes.may_quarantine("a", now=at)]
    assert allowed == [0.0, 10.0, 20.0, HOUR, HOUR + 10]


def test_each_cause_has_a_quota_of_its_own(causes: Causes) -> None:
    for _ in range(4):
        causes.may_quarantine("a", now=0)

    assert causes.may_quarantine("b", now=0)


def test_releasing_a_cause_resets_its_quota_and_returns_its_parked_events(causes: Causes) -> None:
    for cause in ("a", "b"):
        for _ in range(4):
            causes.may_quarantine(cause, now=0)
    causes.note_parked("a", "gone", until=60)
    causes.note_parked("a", "long", until=600)
    causes.note_parked("a", "longer", until=900)
    causes.note_parked("b", "other", until=600)

    assert sorted(causes.release("a", now=100)) == ["long", "longer"]
    assert causes.release("a", now=100) == []
    assert causes.may_quarantine("a", now=100)
    assert not causes.may_quarantine("b", now=100)


def test_causes_are_listed_by_their_numbers_largest_first(causes: Causes) -> None:
    causes.may_quarantine("few", now=0)
    for number in range(5):
        causes.may_quarantine("many", now=0)
        causes.note_parked("many", f"{number}", until=60 + number)
    assert causes.numbers(now=61) == [
        {"cause": "many", "quarantined_within_the_hour": 3, "parked": 3},
        {"cause": "few", "quarantined_within_the_hour": 1, "parked": 0},
    ]

    assert causes.numbers(now=HOUR) == []


def test_the_number_of_remembered_causes_and_parked_events_is_bounded(causes: Causes) -> None:
    for number in range(MAX_CAUSES + 100):
        causes.may_quarantine(f"cause {number}", now=0)
    for number in range(MAX_REMEMBERED + 100):
        causes.note_parked("cause 1", f"{number}", until=60)

    assert len(causes.numbers(now=0)) == MAX_CAUSES + 1
    assert len(causes.release("cause 1", now=0)) == MAX_REMEMBERED


def wait(receive_count: int, *, held_for: float = 0.0, retention_nears_in: float = DAY) -> int:
    one = delivery(receive_count=receive_count, now=1_000.0)
    return parking_seconds(
        one,
        wait=OPTIONS.parking_delay.after(receive_count),
        now=1_000.0 + held_for,
        retention_nears_in=retention_nears_in,
    )


def test_a_parked_event_waits_from_a_minute_to_twelve_hours_by_its_receive_count() -> None:
    assert [wait(count) for count in (1, 2, 3, 10)] == [60, 120, 240, 30_720]
    assert [wait(count) for count in (11, 30, 10_000)] == [12 * 3600 - 60] * 3


def test_a_parked_event_waits_at_most_twelve_hours_from_its_receipt() -> None:
    """SQS refuses a longer wait (SQS, "Visibility timeout")."""
    assert wait(20, held_for=2 * HOUR) == 10 * 3600 - 60


def test_a_parked_event_waits_at_most_until_it_nears_its_retention() -> None:
    assert wait(20, retention_nears_in=90.5) == 90
    assert wait(20, retention_nears_in=0.2) == 1


@pytest.mark.parametrize("retention", [HOUR, 4 * DAY, OPTIONS.retention])
def test_a_parked_event_is_received_far_less_often_than_the_redrive_policy_allows(
    retention: float,
) -> None:
    """Count how often an event is received within 80% of the retention if it is always parked.

    The waits after the first ten receives add up to 17 hours. Each later wait is nearly twelve
    hours. So there are 32 receives within 11.2 days, which is 80% of 14 days. In practice there are
    fewer, because the event also runs between the waits.
    """
    age, receipts = 0.0, 0
    while age < 0.8 * retention:
        receipts += 1
        age += wait(receipts, retention_nears_in=0.8 * retention - age)

    assert receipts <= 32 < MAX_RECEIVE_COUNT / 3


def test_an_event_for_which_there_is_no_room_waits_for_a_fifth_of_its_age() -> None:
    assert [seconds_until_room(age=age) for age in (-60, 0, 20, 300, HOUR)] == [5, 5, 5, 60, 720]


def test_an_event_for_which_there_is_never_room_is_received_less_often_than_is_allowed() -> None:
    age, receipts = 0.0, 0
    while age < 0.8 * OPTIONS.retention:
        receipts += 1
        age += seconds_until_room(age=age)

    assert receipts < 0.7 * MAX_RECEIVE_COUNT
