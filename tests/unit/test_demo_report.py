"""What the demo says in the end, and the settings that it chooses."""

import json
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from demo.findings import Findings
from demo.problems import Kind, Problem
from demo.progress import Goal, Snapshot
from demo.report import sqs_calls, summarize
from demo.settings import demo_environment

KEYS = [
    "events",
    "stored",
    "surveys",
    "quarantined",
    "conversations",
    "closed",
    "archived_messages",
    "lost",
    "duplicated",
    "out_of_order",
    "sqs_calls_per_event",
]


def test_the_summary_is_one_json_object_with_the_agreed_keys() -> None:
    summary = summarize(events=10, found=Findings(), problems=[], sqs_calls={"ReceiveMessage": 3})
    document = json.loads(summary.as_json())
    assert list(document) == KEYS
    assert document["sqs_calls_per_event"] == 0.3
    assert summary.is_clean


@pytest.mark.parametrize("kind", list(Kind))
def test_a_problem_of_any_kind_is_counted_and_not_clean(kind: Kind) -> None:
    summary = summarize(events=1, found=Findings(), problems=[Problem(kind, "x")], sqs_calls={})
    assert json.loads(summary.as_json())[kind.value.replace(" ", "_")] == 1
    assert not summary.is_clean


def test_the_calls_are_those_of_the_workers_last_word() -> None:
    lines = [
        "celery@host ready.",
        json.dumps({"event": "stopped consuming", "sqs_calls": {"ReceiveMessage": 1}}),
        json.dumps({"event": "stopped consuming", "sqs_calls": {"ReceiveMessage": 2}}),
        "worker: Warm shutdown",
    ]
    assert sqs_calls("\n".join(lines)) == {"ReceiveMessage": 2}


def test_a_worker_that_did_not_stop_warmly_has_no_figure() -> None:
    with pytest.raises(ValueError, match="does not say"):
        sqs_calls("celery@host ready.\nKilled")


@pytest.mark.parametrize("hour", range(24))
def test_projects_made_on_first_sight_close_about_half_a_day_away(hour: int) -> None:
    now = datetime(2026, 3, 14, hour, 30, tzinfo=UTC)
    zone = demo_environment({}, now=now)["DEFAULT_TIMEZONE"]
    assert now.astimezone(ZoneInfo(zone)).hour == 12


@pytest.mark.parametrize(
    ("changes", "is_reached"),
    [
        ({}, True),
        ({"queued": 1}, False),
        ({"archived": 1}, False),
        ({"in_lake": 2}, False),
        ({"answers": 4}, False),
    ],
)
def test_the_goal_is_reached_when_nothing_waits_anywhere(
    changes: dict[str, int], is_reached: bool
) -> None:
    done = {
        "published": 9,
        "queued": 0,
        "opened": 3,
        "closed": 2,
        "archived": 2,
        "answers": 3,
        "in_lake": 3,
    }
    goal = Goal(events=9, closed=2, answers=3)
    assert goal.is_reached(Snapshot(**done | changes)) is is_reached
