"""Creates heartbeats and reports of healthy workers. A test can change single values."""

from datetime import timedelta
from typing import Any

from django.db.models.functions import Now

from apps.conversations import heartbeats
from apps.conversations.worker_models import WorkerHeartbeat

QUEUE = "conversations.fifo"


def healthy_report(**changes: Any) -> dict[str, Any]:
    """Return the report of a consumer, as in `celery_sqs_fifo.metrics.ConsumerState`."""
    report = {
        "observed_age": 2.0,
        "received_age": 1.0,
        "receive_lag": 0.0,
        "oldest_held_age": 0.0,
        "held": 0,
        "set_aside": 0,
        "running_tasks": 0,
        "wants_more": True,
        "circuit_is_open": False,
        "failing_calls": {},
        "credentials_expire_in": None,
        "causes": [],
    }
    assert changes.keys() <= report.keys()
    return report | changes


def record_heartbeat(
    worker: str = "celery@one", *, age: timedelta = timedelta(0), **changes: Any
) -> None:
    """Write a heartbeat of this age, with a report."""
    heartbeats.record(worker=worker, queues={QUEUE: healthy_report(**changes)})
    WorkerHeartbeat.objects.filter(worker=worker).update(seen_at=Now() - age)
