"""The files of past days are merged, and neither kills nor a second run lose an event."""

import json
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from apps.analytics.datalake import compaction
from apps.analytics.datalake.files import FileDataLake
from apps.common.errors import Unavailable
from tests.support.lake_events import lake_event, values

DAY = "day=2026-11-23"
NEXT_DAY = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
# The steps that change what is on the disk or make it survive a power loss.
STEPS = [(os, "fsync"), (Path, "replace"), (Path, "unlink")]


class Killed(BaseException):
    """Simulates the kill of a process. No code catches this exception."""


@pytest.fixture
def lake(tmp_path: Path) -> FileDataLake:
    """A lake with five files of the same day, two of which share an event."""
    lake = FileDataLake(str(tmp_path))
    for numbers in ([1, 2], [3], [4, 5], [5, 6], [7]):
        lake.send([lake_event(number) for number in numbers])
    return lake


def events(root: Path) -> list[dict[str, Any]]:
    """Return what a reader of all files finds."""
    return [
        json.loads(line)
        for path in root.glob("*/*.jsonl")
        for line in path.read_bytes().split(b"\n")[:-1]
    ]


def numbers(root: Path) -> list[str]:
    return sorted(values(events(root)))


def compact(lake: FileDataLake, *, now: datetime = NEXT_DAY) -> list[int]:
    return list(lake.compact(now=now))


def before_each_step(monkeypatch: pytest.MonkeyPatch, action: Callable[[], None]) -> None:
    """Call `action` before each step that changes what is on the disk."""
    for owner, name in STEPS:
        original = getattr(owner, name)

        def step(*args: Any, original: Any = original, **kwargs: Any) -> Any:
            action()
            return original(*args, **kwargs)

        monkeypatch.setattr(owner, name, step)


def test_a_past_day_has_one_file_with_each_event_once(lake: FileDataLake, tmp_path: Path) -> None:
    assert numbers(tmp_path) == list("12345567")

    assert compact(lake) == [5]

    (only,) = (tmp_path / DAY).iterdir()
    assert only.suffix == ".jsonl"
    assert sorted(events(tmp_path), key=lambda event: event["value"]) == [
        lake_event(number) for number in range(1, 8)
    ]
    assert compact(lake) == []


def test_a_day_is_merged_an_hour_after_its_end(lake: FileDataLake, tmp_path: Path) -> None:
    assert compact(lake, now=NEXT_DAY - timedelta(seconds=1)) == []
    assert len(list((tmp_path / DAY).iterdir())) == 5

    # The same instant in a zone whose date is still that of the day.
    assert compact(lake, now=NEXT_DAY.astimezone(timezone(timedelta(hours=-3)))) == [5]


def test_events_that_come_late_are_merged_by_a_later_run(
    lake: FileDataLake, tmp_path: Path
) -> None:
    compact(lake)
    # The first of them was delivered before, and its delivery was not recorded.
    lake.send([lake_event(7), lake_event(8)])

    assert compact(lake) == [2]

    assert len(list((tmp_path / DAY).iterdir())) == 1
    assert numbers(tmp_path) == list("12345678")


def test_a_merge_takes_a_limited_number_of_files(
    lake: FileDataLake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compaction, "MAX_FILES", 2)

    merges = lake.compact(now=NEXT_DAY)
    assert next(merges) == 2
    assert len(list((tmp_path / DAY).iterdir())) == 4
    assert set(numbers(tmp_path)) == set("1234567")

    assert list(merges) == [2, 2, 2]
    assert numbers(tmp_path) == list("1234567")


def test_a_kill_at_any_step_loses_no_event_and_the_next_run_leaves_each_once(
    tmp_path: Path,
) -> None:
    kills = 0
    for killed_at in count(1):
        root = tmp_path / str(killed_at)
        lake = FileDataLake(str(root))
        for numbers_of_file in ([1, 2], [3], [3, 4]):
            lake.send([lake_event(number) for number in numbers_of_file])
        steps = count(1)

        def die(steps: Iterator[int] = steps, killed_at: int = killed_at) -> None:
            # A killed process does not take any further steps either.
            if next(steps) >= killed_at:
                raise Killed

        with pytest.MonkeyPatch.context() as patch:
            before_each_step(patch, die)
            try:
                compact(lake)
            except Killed:
                kills += 1
            else:
                break
        assert set(numbers(root)) == set("1234")

        compact(lake)
        assert numbers(root) == list("1234")
        assert len(list((root / DAY).glob("*.jsonl"))) == 1
    # Two steps make the merged file survive a power loss, two give it its name and clear up, and
    # three delete the sources.
    assert kills == 7


def test_the_merged_file_survives_a_power_loss_before_its_sources_are_deleted(
    lake: FileDataLake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remaining: list[int] = []
    fsync = os.fsync

    def count_files(descriptor: int) -> None:
        fsync(descriptor)
        remaining.append(len(list(tmp_path.rglob("*.jsonl"))))

    monkeypatch.setattr(os, "fsync", count_files)

    compact(lake)

    # The file is synced under its partial name, and the folder after the file was renamed.
    assert remaining == [5, 6]


def test_a_second_run_at_any_step_of_a_first_loses_no_event(tmp_path: Path) -> None:
    for second_at in count(1):
        root = tmp_path / str(second_at)
        lake = FileDataLake(str(root))
        for numbers_of_file in ([1, 2], [2, 1, 3], [3]):
            lake.send([lake_event(number) for number in numbers_of_file])
        steps = count(1)
        seen = 0

        def run_again(
            steps: Iterator[int] = steps,
            second_at: int = second_at,
            root: Path = root,
            lake: FileDataLake = lake,
        ) -> None:
            nonlocal seen
            seen = next(steps)
            if seen == second_at:
                lake.send([lake_event(4)])
                compact(lake)

        with pytest.MonkeyPatch.context() as patch:
            before_each_step(patch, run_again)
            compact(lake)
        if seen < second_at:
            break
        assert set(numbers(root)) == set("1234")
        compact(lake)
        assert numbers(root) == list("1234")
    assert second_at > 4


def test_a_damaged_file_leaves_its_day_as_it_is_and_delays_no_other(
    lake: FileDataLake, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lake.send([lake_event(8, date="2026-11-22T12:00:00+00:00")])
    lake.send([lake_event(9, date="2026-11-22T12:00:00+00:00")])
    damaged = tmp_path / "day=2026-11-22" / f"{'0' * 32}.jsonl"
    damaged.write_text('{"event_id": "cut o')

    assert compact(lake) == [5]

    assert damaged.exists()
    assert len(list(damaged.parent.iterdir())) == 3
    assert "data_lake_day_not_compacted" in caplog.text


def test_files_and_folders_of_others_are_ignored(lake: FileDataLake, tmp_path: Path) -> None:
    note, table = tmp_path / DAY / "notes.jsonl", tmp_path / "table"
    note.write_text("not an event\n")
    table.mkdir()

    assert compact(lake) == [5]

    assert note.exists()
    assert table.exists()


def test_partial_files_of_killed_workers_are_deleted_after_a_day(
    lake: FileDataLake, tmp_path: Path
) -> None:
    old, new = tmp_path / DAY / ".a.partial", tmp_path / DAY / ".b.partial"
    for partial, age in ((old, 25), (new, 23)):
        partial.touch()
        changed_at = (NEXT_DAY - timedelta(hours=age)).timestamp()
        os.utime(partial, (changed_at, changed_at))

    compact(lake)

    assert not old.exists()
    assert new.exists()


def test_a_lake_without_a_folder_has_nothing_to_merge(tmp_path: Path) -> None:
    assert compact(FileDataLake(str(tmp_path / "none"))) == []


def test_a_lake_that_cannot_be_read_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "lake").write_text("a file stands where the folder would be")

    with pytest.raises(Unavailable):
        compact(FileDataLake(str(tmp_path / "lake")))
