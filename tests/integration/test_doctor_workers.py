"""The findings of `manage.py doctor` about workers, by their heartbeats or by remote control."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from apps.conversations import heartbeats
from observability import heartbeat
from operations.doctor import workers
from operations.doctor.findings import Finding, Status
from tests.support.running_workers import wait_until
from tests.support.worker_reports import QUEUE, healthy_report, record_heartbeat

pytestmark = pytest.mark.django_db

RUNNING = "workers.running"
ONE, TWO = "celery@one", "celery@two"
CAUSE = {"cause": "store.py:118 put > KeyError", "quarantined_within_the_hour": 3, "parked": 41}


def of_workers() -> dict[str, Finding]:
    """Return the findings about workers, by check."""
    return {finding.check: finding for finding in workers.check()}


def bad(findings: dict[str, Finding]) -> dict[str, Status]:
    """Return the checks that found a warning or an error."""
    return {
        check: finding.status
        for check, finding in findings.items()
        if finding.status in (Status.WARNING, Status.ERROR)
    }


def answer_with(monkeypatch: pytest.MonkeyPatch, replies: Any) -> None:
    """Make the workers answer with these reports through the control broker."""
    monkeypatch.setattr(workers, "ask_workers", lambda *, limit: replies)


def test_healthy_workers_are_ok() -> None:
    record_heartbeat(ONE)
    record_heartbeat(TWO, age=timedelta(seconds=40))

    findings = of_workers()

    assert {finding.status for finding in findings.values()} == {Status.OK}
    assert findings[RUNNING].found == "2 running, by their heartbeats: celery@one, celery@two."


def test_without_a_worker_the_remedy_is_to_start_one() -> None:
    finding = of_workers()[RUNNING]

    assert finding.status is Status.ERROR
    assert finding.remedy == workers.START_WORKER


def test_the_only_worker_is_frozen() -> None:
    record_heartbeat(ONE, age=timedelta(minutes=3))

    findings = of_workers()

    assert bad(findings) == {RUNNING: Status.ERROR}
    assert "celery@one wrote its last heartbeat 3m ago" in findings[RUNNING].found
    assert "kill -CONT" in findings[RUNNING].remedy


def test_one_of_two_workers_is_frozen() -> None:
    record_heartbeat(ONE, age=timedelta(minutes=3))
    record_heartbeat(TWO)

    assert bad(of_workers()) == {RUNNING: Status.WARNING}


def test_a_worker_that_was_killed_is_reported_for_an_hour() -> None:
    record_heartbeat(ONE, age=timedelta(minutes=61))
    record_heartbeat(TWO)

    assert bad(of_workers()) == {}


def test_a_worker_with_a_new_heartbeat_that_does_not_answer_is_frozen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    record_heartbeat(ONE)
    answer_with(monkeypatch, {})

    finding = of_workers()[RUNNING]

    assert finding.status is Status.ERROR
    assert "celery@one does not answer by remote control" in finding.found


def test_a_worker_that_answers_runs_although_its_heartbeat_is_old(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    record_heartbeat(ONE, age=timedelta(minutes=3), circuit_is_open=False)
    answer_with(monkeypatch, {ONE: {QUEUE: healthy_report(circuit_is_open=True)}})

    findings = of_workers()

    assert findings[RUNNING].found == "1 running, by remote control: celery@one."
    assert bad(findings) == {"workers.circuit": Status.ERROR}


def test_old_heartbeats_are_ignored_while_postgresql_is_read_only() -> None:
    record_heartbeat(ONE, age=timedelta(minutes=3))
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL default_transaction_read_only = on")

    findings = of_workers()

    assert {finding.status for finding in findings.values()} == {Status.SKIPPED}
    assert "read-only" in findings[RUNNING].found


def test_a_worker_that_ends_normally_is_not_reported() -> None:
    record_heartbeat(ONE)
    heartbeats.forget(worker=ONE)

    assert heartbeats.latest() == []


def test_heartbeats_of_killed_workers_are_deleted_after_a_day() -> None:
    record_heartbeat(ONE, age=timedelta(hours=25))
    record_heartbeat(TWO, age=timedelta(hours=23))

    heartbeats.forget_old()

    assert [beat.worker for beat in heartbeats.latest()] == [TWO]


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_runs_for_long_deletes_the_heartbeats_of_killed_workers_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def wait_until_only_one_is_left() -> None:
        wait_until(
            lambda: [beat.worker for beat in heartbeats.latest()] == [ONE], timeout=10, workers=()
        )

    monkeypatch.setattr(heartbeat, "BEAT_EVERY", 0.01)
    monkeypatch.setattr(heartbeat, "HEARTBEATS_PER_HOUR", 3)
    heart = heartbeat.WorkerHeart(ONE)
    heart.start()
    try:
        wait_until_only_one_is_left()
        record_heartbeat(TWO, age=timedelta(hours=25))
        wait_until_only_one_is_left()
    finally:
        heart.stop()

    assert heartbeats.latest() == []


@pytest.mark.parametrize(
    ("changes", "check", "status", "found"),
    [
        ({"observed_age": 45}, "workers.receiving", Status.ERROR, "loop has hung for 45s"),
        ({"received_age": 180}, "workers.receiving", Status.ERROR, "received nothing for 3m"),
        (
            {"received_age": 180, "wants_more": False, "held": 200, "running_tasks": 4},
            "workers.receiving",
            Status.ERROR,
            "it is full, and has received nothing for 3m: it holds 200 events",
        ),
        (
            {"received_age": 40, "failing_calls": {"ReceiveMessage": "HTTP 403 AccessDenied"}},
            "workers.receiving",
            Status.ERROR,
            "SQS has refused its receives for 40s (HTTP 403 AccessDenied)",
        ),
        ({"circuit_is_open": True}, "workers.circuit", Status.ERROR, "its circuit is open"),
        ({"receive_lag": 400}, "workers.lag", Status.WARNING, "had waited for 6m40s"),
        ({"oldest_held_age": 1000}, "workers.held", Status.WARNING, "queued 16m40s ago"),
        ({"causes": [CAUSE]}, "workers.parked", Status.WARNING, '41 for "store.py:118 put'),
        (
            {"failing_calls": {"DeleteMessageBatch": "AccessDenied"}},
            "workers.deletes",
            Status.WARNING,
            "SQS refuses to delete finished events (AccessDenied)",
        ),
        (
            {"failing_calls": {"ChangeMessageVisibilityBatch": "AccessDenied"}},
            "workers.leases",
            Status.WARNING,
            "SQS refuses to change leases (AccessDenied)",
        ),
        (
            {"failing_calls": {"SendMessage": "AccessDenied"}},
            "workers.quarantine",
            Status.WARNING,
            "refuses copies of events (AccessDenied)",
        ),
        ({"credentials_expire_in": 300}, "workers.credentials", Status.WARNING, "in 5m"),
        ({"credentials_expire_in": -60}, "workers.credentials", Status.ERROR, "1m ago"),
    ],
)
def test_each_state_of_the_only_worker_is_found(
    changes: dict[str, Any], check: str, status: Status, found: str
) -> None:
    record_heartbeat(ONE, **changes)

    findings = of_workers()

    assert bad(findings) == {check: status}
    assert found in findings[check].found


def test_a_worker_that_was_paused_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    answer_with(monkeypatch, {ONE: {}})

    findings = of_workers()

    assert bad(findings) == {"workers.consuming": Status.ERROR}
    assert "add_consumer conversations.fifo" in findings["workers.consuming"].remedy


def test_an_open_circuit_of_one_of_two_workers_is_a_warning() -> None:
    record_heartbeat(ONE, circuit_is_open=True)
    record_heartbeat(TWO)

    assert bad(of_workers()) == {"workers.circuit": Status.WARNING}


def test_an_open_circuit_and_a_full_worker_are_reasons_not_to_receive() -> None:
    record_heartbeat(ONE, circuit_is_open=True, received_age=1000, wants_more=False)

    assert bad(of_workers()) == {"workers.circuit": Status.ERROR}


def test_every_finding_has_a_remedy_of_its_own() -> None:
    record_heartbeat(
        ONE, circuit_is_open=True, causes=[CAUSE], credentials_expire_in=-1, oldest_held_age=1000
    )

    found = [finding for finding in of_workers().values() if finding.status is not Status.OK]

    assert len({finding.remedy for finding in found if finding.remedy}) == len(found) == 4
