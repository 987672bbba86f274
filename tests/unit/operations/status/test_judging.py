"""Each line of the status has the state, the sentence and the command of what was read."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from apps.common.version import VERSION
from celery_sqs_fifo.options import MAX_SET_ASIDE
from observability.metrics import definitions
from observability.queue_depths import QueueStatus
from operations.doctor.workers import LIST_WORKERS
from operations.status.lines import DOCTOR, State
from operations.status.outbox import OutboxReading
from operations.status.reading import Readings
from operations.thresholds import MAX_IN_FLIGHT
from tasks.schedules import SCHEDULES
from tests.support.status_readings import (
    ONE,
    SILENT,
    TWO,
    healthy,
    heartbeat,
    held,
    judged,
    lines_of,
    pending,
    queues,
    schedules,
    stats,
)

CAUSE = {"cause": "store.py:118 put > KeyError", "quarantined_within_the_hour": 3, "parked": 41}
OF_WORKERS = {"receiving", "circuit", "held_events", "set_aside", "sqs_calls"}
OF_PENDING = {"dead_letters", "closings", "archives", "erasures", "outbox", "data_lake"}


def states(readings: Readings) -> dict[str, State]:
    return {name: line.state for name, line in lines_of(readings).items()}


def test_every_line_of_a_healthy_service_is_good_and_has_no_command() -> None:
    report = judged(healthy())

    assert report.state is State.GOOD
    for line in report.lines:
        assert (line.state, line.command) == (State.GOOD, ""), line
        assert line.sentence.endswith((".", ")"))


@pytest.mark.parametrize(
    ("changes", "name", "state", "words", "command"),
    [
        ({"stats": {}}, "workers", State.UNKNOWN, "does not answer by remote control", DOCTOR),
        (
            {"stats": {}, "heartbeats": ([heartbeat(ONE, age=timedelta(seconds=76))], "")},
            "workers",
            State.BAD,
            "it is frozen, was killed, or cannot reach PostgreSQL",
            LIST_WORKERS,
        ),
        (
            {"stats": {}, "heartbeats": ([], "")},
            "workers",
            State.BAD,
            "No worker runs",
            "celery -A config worker",
        ),
        (
            {"stats": stats(received_age=180)},
            "receiving",
            State.BAD,
            "it has received nothing for 3m",
            DOCTOR,
        ),
        (
            {"stats": {ONE: {"consumers": {}}}},
            "receiving",
            State.BAD,
            "Paused, or just started: celery@one",
            "celery -A config control add_consumer conversations.fifo",
        ),
        ({"stats": stats(circuit_is_open=True)}, "circuit", State.BAD, "PostgreSQL or", DOCTOR),
        (
            {"stats": stats(oldest_held_age=1000)},
            "held_events",
            State.WARNING,
            "queued 16m40s ago",
            "celery -A config inspect held",
        ),
        (
            {"stats": stats(causes=[CAUSE])},
            "set_aside",
            State.WARNING,
            '41 for "store.py:118 put > KeyError"',
            "celery -A config inspect causes",
        ),
        (
            {"stats": stats(set_aside=MAX_SET_ASIDE)},
            "set_aside",
            State.WARNING,
            "100 events are set aside, the maximum of celery@one",
            "celery -A config inspect causes",
        ),
        (
            {"stats": stats(failing_calls={"DeleteMessageBatch": "AccessDenied"})},
            "sqs_calls",
            State.WARNING,
            "SQS refuses to delete finished events",
            DOCTOR,
        ),
        (
            {"stats": stats(receive_lag=400)},
            "queue",
            State.WARNING,
            "had waited for 6m40s",
            "celery -A config inspect active",
        ),
        (
            {"queues": queues(events=(0, MAX_IN_FLIGHT + 1))},
            "queue",
            State.WARNING,
            "SQS returns no more messages",
            "celery -A config inspect active",
        ),
        (
            {"queues": queues(dead_letters=2)},
            "dead_letter_queue",
            State.WARNING,
            "2 dead letters are on the dead-letter queue",
            DOCTOR,
        ),
        (
            {"pending": pending(bug=2, not_json=1)},
            "dead_letters",
            State.WARNING,
            "by reason: 2 bug, 1 not_json",
            "python manage.py dlq list",
        ),
        (
            {"pending": pending(not_json=9, a=8, b=7, c=6, d=5, bug=1)},
            "dead_letters",
            State.WARNING,
            "by reason: 1 bug, 9 not_json, 8 a, 7 b, 6 c, 5 d.",
            "python manage.py dlq list",
        ),
        (
            {"pending": pending((definitions.CLOSINGS_OVERDUE, 7))},
            "closings",
            State.WARNING,
            "7 conversations have been due",
            DOCTOR,
        ),
        (
            {"pending": pending((definitions.ARCHIVES_PENDING, 1))},
            "archives",
            State.WARNING,
            "1 conversation has been closed for over 15 minutes",
            DOCTOR,
        ),
        (
            {"pending": pending((definitions.ERASURES_PENDING, 1))},
            "erasures",
            State.WARNING,
            "1 contact is not erased",
            "python manage.py erase --contact URN --project PROJECT",
        ),
        (
            {"pending": pending((definitions.LAKE_WAITING, 3), (definitions.LAKE_OLDEST_AGE, 960))},
            "outbox",
            State.WARNING,
            "3 events wait to be sent to the data lake, the oldest for 16m",
            "python manage.py outbox list",
        ),
        (
            {"pending": pending((definitions.LAKE_REFUSED, 2))},
            "data_lake",
            State.WARNING,
            "has refused 2 events",
            "python manage.py outbox list",
        ),
        (
            {"schedules": schedules(age=timedelta(hours=2))},
            "beat",
            State.BAD,
            "close_due_conversations: The schedule last ran 2h",
            "celery -A config beat",
        ),
        (
            {"schedules": []},
            "beat",
            State.BAD,
            'The schedule "Close conversations',
            "python manage.py provision",
        ),
        (
            {"migrations": ["conversations.0099_new"]},
            "version",
            State.BAD,
            "Migrations are not applied: conversations.0099_new",
            "python manage.py migrate",
        ),
    ],
)
def test_a_problem_has_a_state_a_sentence_and_a_command(
    changes: dict[str, Any], name: str, state: State, words: str, command: str
) -> None:
    lines = lines_of(healthy(**changes))

    assert lines[name].state is state
    assert words in lines[name].sentence
    assert lines[name].command.startswith(command)


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("queues", {"queue", "dead_letter_queue"}),
        ("stats", {"control_broker"}),
        ("held", {"held_events"}),
        ("heartbeats", set()),
        ("pending", OF_PENDING),
        ("schedules", {"beat"}),
        ("migrations", {"version"}),
    ],
)
def test_a_source_that_does_not_answer_makes_only_its_own_lines_unknown(
    source: str, names: set[str]
) -> None:
    lines = lines_of(healthy(**{source: SILENT}))

    assert {name for name, line in lines.items() if line.state is State.UNKNOWN} == names
    assert {line.state for name, line in lines.items() if name not in names} == {State.GOOD}


def test_without_the_control_broker_heartbeats_show_the_workers() -> None:
    beats = [heartbeat(ONE), heartbeat(TWO, age=timedelta(minutes=3))]
    lines = lines_of(healthy(stats=SILENT, held=SILENT, heartbeats=(beats, "")))

    assert lines["workers"].state is State.WARNING
    assert "1 running, by their heartbeats: celery@one" in lines["workers"].sentence
    assert [row["state"] for row in lines["workers"].values["workers"]] == ["running", "lost"]
    assert lines["receiving"].state is State.GOOD
    assert lines["held_events"].state is State.UNKNOWN


def test_without_both_sources_workers_are_unknown_and_not_missing() -> None:
    lines = lines_of(healthy(stats=SILENT, held=SILENT, heartbeats=SILENT))

    assert {lines[name].state for name in ("workers", *OF_WORKERS)} == {State.UNKNOWN}
    assert lines["queue"].state is State.GOOD


def test_one_queue_that_cannot_be_read_does_not_hide_the_other() -> None:
    read = queues(events=(3, 1))
    refused = replace(
        read, dead_letters=QueueStatus(queue="dlq.fifo", depth=None, error="AccessDenied")
    )
    lines = lines_of(healthy(queues=refused))

    assert lines["queue"].values["waiting_messages"] == 3
    assert lines["dead_letter_queue"].state is State.UNKNOWN
    assert "dlq.fifo cannot be read (AccessDenied)" in lines["dead_letter_queue"].sentence


def test_held_events_of_all_workers_are_listed_the_longest_held_first() -> None:
    answers = {**held(60, 20), **held(130, worker=TWO, total=12)}

    line = lines_of(healthy(stats=stats(ONE, TWO), held=answers))["held_events"]

    assert line.sentence == "14 events wait for a rerun, the first for 2m10s."
    assert line.values["waiting_for_rerun"] == 14
    assert [event["held_for_seconds"] for event in line.values["events"]] == [130, 60, 20]
    first = line.values["events"][0]
    assert first["held_since"] == "2026-11-23T02:57:50+00:00"
    assert (first["group"], first["reason"], first["attempts"]) == ("a1b2c3", "bug", 4)


def test_no_more_than_ten_held_events_are_listed() -> None:
    answers = {**held(*range(1, 9)), **held(*range(11, 19), worker=TWO)}

    values = lines_of(healthy(stats=stats(ONE, TWO), held=answers))["held_events"].values

    assert len(values["events"]) == 10
    assert values["waiting_for_rerun"] == 16


def test_a_worker_that_does_not_know_the_command_is_named() -> None:
    line = lines_of(healthy(held={ONE: {"error": "this worker does not accept held"}}))[
        "held_events"
    ]

    assert line.state is State.UNKNOWN
    assert line.sentence.endswith("The command is refused by celery@one.")


def test_the_age_of_the_oldest_event_is_the_greatest_that_a_worker_knows() -> None:
    answers = {**stats(ONE, receive_lag=30), **stats(TWO, oldest_held_age=45)}

    line = lines_of(healthy(stats=answers, queues=queues(events=(2, 1))))["queue"]

    assert line.values["oldest_event_age_seconds"] == 45
    assert line.sentence.endswith("The oldest event that a worker knows is 45s old.")


def test_the_outbox_is_counted_by_age() -> None:
    waiting = replace(
        pending((definitions.LAKE_WAITING, 10)),
        outbox=OutboxReading(by_age=(1, 2, 3, 4), last_delivery_age=None),
    )

    lines = lines_of(healthy(pending=waiting))

    by_age = lines["outbox"].values["by_age"]
    assert [row["events"] for row in by_age] == [1, 2, 3, 4]
    assert [row["max_age_seconds"] for row in by_age] == [60, 900, 3600, None]
    assert lines["data_lake"].values["last_delivery_age_seconds"] is None


def test_a_lake_that_is_off_is_good(settings: Any) -> None:
    settings.DATALAKE_URL = "none"

    assert lines_of(healthy())["data_lake"].sentence.startswith("It is off")


def test_of_several_schedules_with_a_problem_one_is_named_and_the_others_are_counted() -> None:
    line = lines_of(healthy(schedules=schedules(age=timedelta(hours=2))))["beat"]

    assert line.sentence.count("The schedule last ran") == 1
    assert line.sentence.endswith("7 other schedules are like it.")
    assert {row["state"] for row in line.values["schedules"]} == {"bad"}


def test_each_schedule_of_a_task_is_judged() -> None:
    at_night = schedules(age=timedelta(hours=3))[4]
    at_night.name = "Collect at night"

    line = lines_of(healthy(schedules=[*schedules(), at_night]))["beat"]

    assert line.sentence.startswith("collect_dead_letters: The schedule last ran 3h ago")
    rows = {row["name"]: row for row in line.values["schedules"]}
    assert len(rows) == len(SCHEDULES) + 1
    assert rows["Collect at night"]["state"] == "bad"
    assert rows["Collect at night"]["task"] == rows["Collect dead letters"]["task"]
    assert rows["Collect dead letters"]["state"] == "good"


def test_schedules_of_one_task_are_counted_one_by_one() -> None:
    late = schedules(age=timedelta(hours=2))

    line = lines_of(healthy(schedules=[*late, *late[4:5]]))["beat"]

    assert line.sentence.endswith("8 other schedules are like it.")


def test_nothing_is_counted_with_the_number_0() -> None:
    lines = lines_of(healthy(stats={}))

    assert lines["queue"].sentence == "No event waits to be received, and none is in flight."
    assert lines["control_broker"].sentence == "It responds, and no worker answers."
    assert lines_of(healthy())["set_aside"].sentence.startswith("No event is set aside")


def test_closings_that_are_late_on_the_queue_only_are_counted_alone() -> None:
    line = lines_of(healthy(pending=pending((definitions.CLOSINGS_LATE, 1))))["closings"]

    assert line.sentence == "1 closing has been on the queue for over 30 minutes."


def test_the_version_is_shown() -> None:
    assert lines_of(healthy())["version"].sentence.startswith(f"{VERSION}. ")


def test_the_worst_line_decides_the_state_of_the_report() -> None:
    assert judged(healthy(queues=SILENT)).state is State.UNKNOWN
    assert judged(healthy(queues=SILENT, pending=pending(bug=1))).state is State.WARNING
    assert judged(healthy(queues=SILENT, stats={}, heartbeats=([], ""))).state is State.BAD


def test_a_disabled_schedule_does_not_ask_for_another_beat() -> None:
    disabled, *others = schedules()
    disabled.enabled = False

    line = lines_of(healthy(schedules=[disabled, *others]))["beat"]

    assert (line.state, line.command) == (State.WARNING, DOCTOR)
