"""Beat starts the merging of the lake's files, in bounded runs."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django_celery_beat.models import PeriodicTask

from apps.analytics.datalake import data_lake
from tasks import datalake
from tasks.schedules import ensure_schedules
from tests.support.lake_events import lake_event

DAYS = range(1, 6)


@pytest.fixture
def queued(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """A list that gets an entry for each run that a run queues."""
    queued: list[Any] = []
    monkeypatch.setattr(
        datalake.compact_data_lake, "apply_async", lambda **options: queued.append(options)
    )
    return queued


@pytest.fixture
def lake_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A lake with two files of each of five past days."""
    folder = tmp_path / "lake"
    lake = data_lake(folder.as_uri())
    for day in DAYS:
        for number in range(2):
            lake.send([lake_event(10 * day + number, date=f"2020-01-0{day}T12:00:00+00:00")])
    monkeypatch.setattr(datalake, "_lake", lambda: lake)
    return folder


def files(folder: Path) -> int:
    return len(list(folder.rglob("*.jsonl")))


def test_a_run_merges_all_past_days(
    lake_folder: Path, queued: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    datalake.compact_data_lake()

    assert files(lake_folder) == len(DAYS)
    assert queued == []
    (record,) = [one for one in caplog.records if one.msg == "data_lake_compacted"]
    assert record.__dict__["files"] == 10


def test_a_run_is_bounded_and_queues_the_next_one(
    lake_folder: Path, queued: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datalake, "MAX_MERGES", 2)

    datalake.compact_data_lake()
    assert files(lake_folder) == 8
    assert len(queued) == 1

    datalake.compact_data_lake()
    datalake.compact_data_lake()
    assert files(lake_folder) == len(DAYS)
    assert len({options["deduplication_id"] for options in queued}) == len(queued) == 2


def test_a_lake_that_is_down_ends_the_run_without_an_error(
    lake_folder: Path, queued: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    lake_folder.rename(lake_folder.with_name("aside"))
    lake_folder.touch()

    datalake.compact_data_lake()

    assert "data_lake_unavailable" in caplog.text
    assert queued == []


@pytest.mark.django_db
def test_beat_starts_it_every_hour() -> None:
    ensure_schedules()

    schedule = PeriodicTask.objects.get(task="tasks.datalake.compact_data_lake")
    assert schedule.interval.schedule.run_every == timedelta(hours=1)
