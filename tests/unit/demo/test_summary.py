"""The summary of the demo has the right figures, and its settings and target are right."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from demo.progress import Snapshot, Target, target_of
from demo.report import sqs_calls, summarize
from demo.samples import sample_events
from demo.settings import demo_environment
from embedded.commands import CommandError
from testbed.checker.report import Defect, Kind
from testbed.checker.stores import Stores
from testbed.traffic.day import generate_day
from testbed.traffic.events import Closing

KEYS = [
    "events",
    "stored",
    "surveys",
    "quarantined",
    "conversations",
    "closed",
    "closed_by_time",
    "archived_messages",
    "lost",
    "duplicated",
    "out_of_order",
    "misattributed",
    "stuck",
    "wrongly_quarantined",
    "personal_data_in_logs",
    "sqs_calls_per_event",
    "csat",
    "nps",
]
DAY = date(2026, 3, 14)
TARGET = Target(events=9, closed_by_events=2, left_open={"a": 2, "b": 1}, answers=3, letters=2)
REACHED = Snapshot(
    published=9,
    queued=0,
    opened=6,
    closed=5,
    closed_by_time={"a": 2, "b": 1},
    archived=5,
    answers=3,
    in_lake=3,
    letters=2,
)


def test_the_summary_is_one_json_object_with_the_agreed_keys() -> None:
    summary = summarize(
        events=10, found=Stores(), figures={}, defects=[], sqs_calls={"ReceiveMessage": 3}
    )
    document = json.loads(summary.as_json())
    assert list(document) == KEYS
    assert document["sqs_calls_per_event"] == 0.3
    assert summary.is_clean


@pytest.mark.parametrize("kind", list(Kind))
def test_defects_of_every_kind_are_counted_and_the_run_is_not_clean(kind: Kind) -> None:
    summary = summarize(
        events=1, found=Stores(), figures={}, defects=[Defect(kind, "x")], sqs_calls={}
    )
    assert json.loads(summary.as_json())[kind.value] == 1
    assert not summary.is_clean


def test_the_calls_are_read_from_the_last_consumer_stopped_line_of_the_log() -> None:
    lines = [
        "celery@host ready.",
        json.dumps({"event": "consumer_stopped", "sqs_calls": {"ReceiveMessage": 1}}),
        json.dumps({"event": "consumer_stopped", "sqs_calls": {"ReceiveMessage": 2}}),
        "worker: Warm shutdown",
    ]
    assert sqs_calls("\n".join(lines)) == {"ReceiveMessage": 2}


def test_a_log_of_a_worker_that_did_not_stop_warmly_is_an_error() -> None:
    with pytest.raises(CommandError, match="does not have"):
        sqs_calls("celery@host ready.\nKilled")


@pytest.mark.parametrize("hour", range(24))
def test_projects_that_the_service_creates_close_about_half_a_day_later(hour: int) -> None:
    now = datetime(2026, 3, 14, hour, 30, tzinfo=UTC)
    zone = demo_environment({}, now=now)["DEFAULT_TIMEZONE"]
    assert now.astimezone(ZoneInfo(zone)).hour == 12


@pytest.mark.parametrize(
    ("changes", "is_reached"),
    [
        ({}, True),
        ({"queued": 1}, True),
        ({"archived": 4}, False),
        ({"in_lake": 2}, False),
        ({"answers": 4}, False),
    ],
)
def test_the_target_is_reached_when_all_is_archived_and_sent(
    changes: dict[str, Any], is_reached: bool
) -> None:
    assert TARGET.is_reached(replace(REACHED, **changes)) is is_reached


@pytest.mark.parametrize(
    ("changes", "are_done"),
    [
        ({}, True),
        ({"archived": 2, "in_lake": 0}, True),
        ({"archived": 2, "queued": 1}, False),
        ({"archived": 1}, False),
        ({"archived": 2, "answers": 2}, False),
    ],
)
def test_all_events_are_done_before_closings_by_time_and_deliveries_to_the_lake(
    changes: dict[str, Any], are_done: bool
) -> None:
    assert TARGET.all_events_are_done(replace(REACHED, **changes)) is are_done


def test_letters_are_collected_when_those_of_all_valid_events_are_in_postgresql() -> None:
    assert TARGET.letters_are_collected(REACHED)
    assert not TARGET.letters_are_collected(replace(REACHED, letters=1))


def test_conversations_that_no_event_closes_are_expected_to_close_by_time() -> None:
    day = generate_day(events=200, seed=1, day=DAY)
    events = day.all_events
    target = target_of([*sample_events(), *events], projects=day.projects)
    by_samples = target_of(sample_events(), projects=[]).closed_by_events
    assert set(target.left_open) == {project.uuid for project in day.projects}
    assert all(target.left_open.values())
    by_events = sum(isinstance(event.effect, Closing) for event in events)
    reopened = len(day.after_reopening)
    assert reopened > 0
    assert target.closed_by_events == by_events - reopened + by_samples
    assert target.letters == sum(event.is_redriven for event in day.earlier) > 0
