"""`manage.py status` with a real worker: an event that it holds, and while it is frozen."""

import json
import os
import signal
import subprocess
import sys
from datetime import timedelta
from typing import Any

import pytest
from django.db.models.functions import Now
from django_celery_beat.models import PeriodicTask

from apps.common.clock import now
from apps.conversations.worker_models import WorkerHeartbeat
from embedded.environment import with_settings
from embedded.service import PROJECT_ROOT
from observability.log_fields import hash_for_logs
from tasks.schedules import ensure_schedules
from tests.e2e.conftest import any_batch_size
from tests.e2e.test_locked_project import locked_project, send
from tests.support.builders import CHANNEL
from tests.support.running_service import Service

pytestmark = [any_batch_size, pytest.mark.slow]

CONTACT = "telegram:1001"
# The status promises two seconds for reading.
BOUND = 2.0


def status(service: Service) -> tuple[int, dict[str, Any]]:
    """Run `manage.py status`. Return its exit status, and its lines by name."""
    ended = subprocess.run(
        [sys.executable, "manage.py", "status", "--json"],
        cwd=PROJECT_ROOT,
        env=with_settings(service.environment),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    document = json.loads(ended.stdout)
    assert document["read_within_seconds"] < BOUND
    return ended.returncode, {line["name"]: line for line in document["lines"]}


def wait_for_held(service: Service, *, number: int) -> tuple[int, dict[str, Any]]:
    """Wait until this number of events is held, and return the status that shows it."""
    found: list[tuple[int, dict[str, Any]]] = []

    def is_shown() -> bool:
        found.append(status(service))
        return bool(found[-1][1]["held_events"]["values"]["waiting_for_rerun"] == number)

    service.wait_until(is_shown, timeout=60)
    return found[-1]


def test_an_event_that_a_worker_holds_is_listed_without_its_contact(
    service: Service, settings: Any
) -> None:
    settings.SECRET_KEY = service.environment["SECRET_KEY"]
    ensure_schedules()
    PeriodicTask.objects.update(last_run_at=now())
    service.start_worker()
    service.wait_until(WorkerHeartbeat.objects.exists)
    with locked_project(service) as project:
        send(service, project=project, contact=CONTACT)
        ended, lines = wait_for_held(service, number=1)

    held = lines["held_events"]
    (event,) = held["values"]["events"]
    assert (ended, held["state"], held["values"]["waiting_for_rerun"]) == (0, "good", 1)
    assert held["sentence"].startswith("1 event waits for a rerun")
    assert event["group"] == hash_for_logs(f"{project}:{CHANNEL}:{CONTACT}")
    assert (event["reason"], event["event_type"]) == ("unavailable", "message.received")
    assert event["attempts"] >= 1
    assert CONTACT not in json.dumps(lines)

    service.wait_until_empty(timeout=60)
    wait_for_held(service, number=0)


def test_the_status_answers_while_the_only_worker_is_frozen(service: Service) -> None:
    ensure_schedules()
    PeriodicTask.objects.update(last_run_at=now())
    worker = service.start_worker()
    service.wait_until(WorkerHeartbeat.objects.exists)
    ended, lines = status(service)
    assert ended == 0
    assert "1 running, by remote control: worker0@" in lines["workers"]["sentence"]

    os.kill(worker.pid, signal.SIGSTOP)
    try:
        ended, just_now = status(service)
        WorkerHeartbeat.objects.update(seen_at=Now() - timedelta(minutes=2))
        ended_later, later = status(service)
    finally:
        os.kill(worker.pid, signal.SIGCONT)

    assert (ended, just_now["workers"]["state"]) == (0, "unknown")
    assert "does not answer by remote control" in just_now["workers"]["sentence"]
    assert (ended_later, later["workers"]["state"]) == (1, "bad")
    assert "it is frozen, was killed, or" in later["workers"]["sentence"]
    assert later["queue"]["state"] == later["beat"]["state"] == "good"
