"""What producers do wrong is counted by project and day, and shown to operators."""

import io
import json
import logging
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
import time_machine
from django.core.management import call_command
from django.db import OperationalError

from apps.conversations.models import Conversation
from apps.messages import producer_problems
from apps.messages.models import ProducerProblem
from apps.messages.producer_problems import KEPT_FOR, NO_PROJECT, Finding, Problem
from tasks import closing, retention
from tests.support.admin import listed, operator
from tests.support.builders import (
    NOON,
    PROJECT,
    close_body,
    deliver,
    deliver_bodies,
    message_body,
    numbered_message,
    queued_event,
    run_chain,
    survey_body,
)
from tests.support.dead_letters import bury, collect, dead_letter_queue_of
from tests.support.service_queue import ServiceQueue

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("aws", "outbox_hints"),
]
DAY = timedelta(days=1)
OTHER_PROJECT = UUID(int=7)


def counted() -> dict[tuple[str, str], int]:
    """Return the number of events by problem and detail. All are of one project and day."""
    rows = list(ProducerProblem.objects.all())
    assert {(row.project_uuid, row.day) for row in rows} <= {(PROJECT, NOON.date())}
    return {(row.problem, row.detail): row.events for row in rows}


def stamped(number: int, created_at: str) -> str:
    return message_body(message={"id": f"m-{number}", "created_at": created_at})


def test_good_events_count_nothing() -> None:
    deliver_bodies(bodies=[numbered_message(0), survey_body(), close_body()])

    assert counted() == {}


def test_each_problem_of_events_that_take_effect_is_counted() -> None:
    run_chain(events=[queued_event(body=numbered_message(0))])
    run_chain(
        events=[
            queued_event(body=stamped(1, "2099-01-01T00:00:00Z")),
            queued_event(body=stamped(2, "2099-01-01T00:00:00Z")),
            queued_event(body=numbered_message(3), group_id="group:made-otherwise"),
            queued_event(body=numbered_message(4), attributes={"event_type": "message.sent"}),
        ]
    )
    for value in ("Satisfied", None):
        assert deliver(event=queued_event(body=survey_body(value=value))) is None

    assert counted() == {
        ("implausible_time", ""): 2,
        ("foreign_group", ""): 1,
        ("type_mismatch", ""): 1,
        ("no_score", "not_a_number"): 1,
        ("no_score", "missing"): 1,
    }


def test_a_possible_retry_is_counted_when_its_conversation_is_archived() -> None:
    with time_machine.travel(NOON, tick=False):
        retried = numbered_message(0, text="again"), numbered_message(1, text="again")
        deliver_bodies(bodies=[*retried, close_body()])
        closing.migrate_on_close.run(str(Conversation.objects.get().uuid))

    assert counted() == {("possible_retry", ""): 1}


def test_a_malformed_event_is_counted_once_when_its_dead_letter_is_collected(
    queue: ServiceQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    with dead_letter_queue_of(queue, monkeypatch) as letters:
        for reason in ("malformed_field", "malformed_field", "missing_field", "bug"):
            bury(letters, reason=reason)
        collect()
        collect()

    assert counted() == {("malformed", "malformed_field"): 2, ("malformed", "missing_field"): 1}


def test_a_malformed_event_without_a_project_counts_for_the_nil_uuid(
    queue: ServiceQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    with dead_letter_queue_of(queue, monkeypatch) as letters:
        bury(letters, "not JSON", reason="not_json")
        collect()

    assert ProducerProblem.objects.get().project_uuid == NO_PROJECT


def test_events_take_effect_when_their_problems_cannot_be_counted(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_findings: Any) -> None:
        raise OperationalError("canceling statement due to lock timeout")

    monkeypatch.setattr(producer_problems, "count", fail)
    with caplog.at_level(logging.WARNING):
        outcome = deliver(event=queued_event(body=stamped(1, "2099-01-01T00:00:00Z")))

    assert outcome is None
    assert [record.message for record in caplog.records] == ["producer_problems_uncounted"]


def test_counts_are_deleted_after_90_days() -> None:
    old, young = NOON - KEPT_FOR - DAY, NOON - KEPT_FOR
    producer_problems.count([Finding(PROJECT, at, Problem.TYPE_MISMATCH) for at in (old, young)])

    with time_machine.travel(NOON, tick=False):
        for expiry in retention.expiries():
            list(retention.delete_rows(expiry, at=NOON))

    assert ProducerProblem.objects.get().day == young.date()


@pytest.fixture
def _counts() -> None:
    """Count two problems of a project, one of another project, and an old one."""
    producer_problems.count(
        [
            *[Finding(PROJECT, NOON, Problem.MALFORMED, "missing_field")] * 1200,
            Finding(PROJECT, NOON - DAY, Problem.FOREIGN_GROUP),
            Finding(OTHER_PROJECT, NOON, Problem.NO_SCORE, "missing"),
            Finding(PROJECT, NOON - 7 * DAY, Problem.TYPE_MISMATCH),
        ]
    )


def producers(*arguments: str) -> str:
    """Run the command at noon. Return its output."""
    output = io.StringIO()
    with time_machine.travel(NOON, tick=False):
        call_command("producers", *arguments, stdout=output)
    return output.getvalue()


@pytest.mark.usefixtures("_counts")
def test_the_command_shows_the_last_seven_days_by_project() -> None:
    assert producers().splitlines() == [
        str(OTHER_PROJECT),
        "  2026-11-23          1  sends CSAT or NPS answers that are not scores (missing)",
        str(PROJECT),
        "  2026-11-23      1,200  sends malformed events, which are quarantined (missing_field)",
        "  2026-11-22          1  sends events of one contact in several message groups",
    ]


@pytest.mark.usefixtures("_counts")
def test_the_command_selects_a_project_and_a_first_day_and_prints_json() -> None:
    since = str(NOON.date() - 7 * DAY)
    found = json.loads(producers("--project", str(PROJECT), "--from", since, "--json"))

    assert [(one["problem"], one["events"]) for one in found] == [
        ("malformed", 1200),
        ("foreign_group", 1),
        ("type_mismatch", 1),
    ]
    assert found[0]["day"] == str(NOON.date())


def test_the_command_says_that_there_are_no_problems() -> None:
    assert producers() == f"No problems since {NOON.date() - 6 * DAY}.\n"


@pytest.mark.usefixtures("_counts")
def test_the_list_is_filtered_by_project_problem_and_day() -> None:
    client, model = operator(), "conversation_messages_producerproblem"
    days = {"day_from": str(NOON.date()), "day_to": str(NOON.date())}

    assert len(listed(client, model)) == 4
    assert len(listed(client, model, q=str(PROJECT))) == 3
    assert listed(client, model, q="nobody") == []
    assert [one.detail for one in listed(client, model, problem="no_score")] == ["missing"]
    assert {one.day for one in listed(client, model, **days)} == {NOON.date()}


def test_counting_adds_to_the_day_in_utc() -> None:
    late = NOON.replace(hour=23, minute=59)
    for at in (late, late, late + timedelta(minutes=2)):
        producer_problems.count([Finding(PROJECT, at, Problem.TYPE_MISMATCH)])

    rows = ProducerProblem.objects.order_by("day").values_list("day", "events")
    assert list(rows) == [(NOON.date(), 2), (date(2026, 11, 24), 1)]
