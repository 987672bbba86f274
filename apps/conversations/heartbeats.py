"""The heartbeats of workers, which show which workers run and their states.

Times are those of PostgreSQL's clock, so that the clocks of workers and operators do not matter.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import DurationField, ExpressionWrapper, F
from django.db.models.functions import Now

from apps.conversations.worker_models import WorkerHeartbeat

# A killed worker leaves its row. The heartbeats of others delete it after this time.
MAX_ROW_AGE = timedelta(days=1)
MAX_NAME = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """The latest heartbeat of a worker. `queues` has a report on the consumer of each queue."""

    worker: str
    age: timedelta
    queues: Mapping[str, Any]


def record(*, worker: str, queues: Mapping[str, Any]) -> None:
    """Write a heartbeat, with one statement. Raise Django's database errors."""
    WorkerHeartbeat.objects.bulk_create(
        [WorkerHeartbeat(worker=worker[:MAX_NAME], seen_at=Now(), queues=queues)],
        update_conflicts=True,
        unique_fields=["worker"],
        update_fields=["seen_at", "queues"],
    )


def forget(*, worker: str) -> None:
    """Delete the heartbeat of a worker that ends. Raise Django's database errors."""
    WorkerHeartbeat.objects.filter(worker=worker[:MAX_NAME]).delete()


def forget_old() -> None:
    """Delete the heartbeats of workers that were killed. Raise Django's database errors."""
    WorkerHeartbeat.objects.filter(seen_at__lt=Now() - MAX_ROW_AGE).delete()


def latest() -> list[Heartbeat]:
    """Return the latest heartbeat of each worker, by name. Raise Django's database errors."""
    age = ExpressionWrapper(Now() - F("seen_at"), output_field=DurationField())
    return [
        Heartbeat(worker=row.worker, age=row.age, queues=row.queues)
        for row in WorkerHeartbeat.objects.annotate(age=age).order_by("worker")
    ]
