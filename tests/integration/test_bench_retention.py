"""The benchmark of retention runs the task until all that is due has gone, and counts the work."""

from typing import Any

import pytest

from apps.common import durations
from apps.common.clock import now
from bench.retention.data import RETENTIONS, make_rows
from bench.retention.runs import measure_runs
from tests.support.service_queue import ServiceQueue

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


def test_each_run_is_counted_until_nothing_is_due(settings: Any, queue: ServiceQueue) -> None:
    for name, text in RETENTIONS.items():
        setattr(settings, name, durations.read(text))
    at = now()
    make_rows(conversations=2_000, until=at)

    measured = measure_runs(at=at, dynamodb_calls=lambda: 0, queued=queue.sends)

    due = {kind.name: kind.due for kind in measured.kinds}
    assert set(due) == {"archives", "answers", "conversations", "dead letters", "audit entries"}
    assert all(due.values())
    assert {kind.left for kind in measured.kinds} == {0}
    removed = {name: sum(run.removed.get(name, 0) for run in measured.runs) for name in due}
    assert removed == due
    assert len(measured.runs) == measured.queued + 1 > 1
    for run in measured.runs:
        assert run.rows_read >= run.changed > sum(run.removed.values())
        assert run.blocks > run.rows_read
        assert run.statements >= 20
        assert 0 < run.longest_seconds < run.seconds
    for idle in (measured.idle, measured.idle_after_vacuum):
        assert (idle.removed, idle.changed) == ({}, 0)
