"""`manage.py doctor` with real workers: healthy, frozen, and without the control broker."""

import json
import os
import signal
import subprocess
import sys
from datetime import timedelta

import pytest
from django.db.models.functions import Now
from django_celery_beat.models import PeriodicTask

from apps.common.clock import now
from apps.conversations.worker_models import WorkerHeartbeat
from embedded.environment import with_settings
from embedded.service import PROJECT_ROOT
from tasks.schedules import ensure_schedules
from tests.e2e.conftest import any_batch_size
from tests.support.running_service import Service


def doctor(service: Service, **settings: str) -> tuple[int, dict[str, dict[str, str]]]:
    """Run `manage.py doctor`. Return its exit status, and its findings by check."""
    ended = subprocess.run(
        [sys.executable, "manage.py", "doctor", "--json"],
        cwd=PROJECT_ROOT,
        env=with_settings(service.environment | settings),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    document = json.loads(ended.stdout)
    return ended.returncode, {finding["check"]: finding for finding in document["findings"]}


def errors(findings: dict[str, dict[str, str]]) -> list[str]:
    """Return the checks that found an error."""
    return [check for check, finding in findings.items() if finding["status"] == "error"]


@pytest.mark.slow
@any_batch_size
def test_the_doctor_fails_when_the_only_worker_is_frozen(service: Service) -> None:
    ensure_schedules()
    PeriodicTask.objects.update(last_run_at=now())
    worker = service.start_worker()
    service.wait_until(WorkerHeartbeat.objects.exists)

    status, findings = doctor(service)
    assert (status, errors(findings)) == (0, [])
    assert "1 running, by remote control: worker0@" in findings["workers.running"]["found"]
    assert findings["workers.receiving"]["status"] == "ok"
    status, findings = doctor(service, CELERY_CONTROL_URL="")
    assert (status, errors(findings)) == (0, [])
    assert "1 running, by their heartbeats: worker0@" in findings["workers.running"]["found"]

    os.kill(worker.pid, signal.SIGSTOP)
    try:
        status, findings = doctor(service)
        assert (status, errors(findings)) == (1, ["workers.running"])
        assert "does not answer by remote control" in findings["workers.running"]["found"]

        WorkerHeartbeat.objects.update(seen_at=Now() - timedelta(minutes=2))
        status, findings = doctor(service, CELERY_CONTROL_URL="")
        assert (status, errors(findings)) == (1, ["workers.running"])
        assert "it is frozen, was killed, or" in findings["workers.running"]["found"]
    finally:
        os.kill(worker.pid, signal.SIGCONT)

    worker.stop()
    assert not WorkerHeartbeat.objects.exists()
