"""The client of the file:// data lake writes events as JSON lines."""

import json
import os
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from apps.analytics.datalake import data_lake
from apps.analytics.datalake.files import FileDataLake
from apps.common.errors import Unavailable
from tests.support.lake_events import lake_event


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_events_are_written_as_json_lines_in_a_folder_for_their_day(tmp_path: Path) -> None:
    events = [
        lake_event(1),
        lake_event(2, date="2026-11-24T00:00:00+00:00"),
        lake_event(3),
    ]

    data_lake(tmp_path.as_uri()).send(events)

    (first,) = (tmp_path / "day=2026-11-23").iterdir()
    (second,) = (tmp_path / "day=2026-11-24").iterdir()
    assert first.suffix == second.suffix == ".jsonl"
    assert lines(first) == [events[0], events[2]]
    assert lines(second) == [events[1]]


def test_only_the_user_of_the_workers_may_read_the_lake(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        lake = FileDataLake(str(tmp_path / "new" / "lake"))
        lake.send([lake_event(1)])
        lake.send([lake_event(2)])
        assert list(lake.compact(now=datetime(2026, 11, 25, tzinfo=UTC))) == [2]
    finally:
        os.umask(before)

    (file,) = tmp_path.rglob("*.jsonl")
    day, root = file.parent, file.parents[1]
    assert [oct(path.stat().st_mode & 0o777) for path in (file, day, root)] == [
        "0o600",
        "0o700",
        "0o700",
    ]


def test_a_lake_that_exists_keeps_its_mode(tmp_path: Path) -> None:
    tmp_path.chmod(0o750)

    FileDataLake(str(tmp_path)).send([lake_event(1)])

    assert tmp_path.stat().st_mode & 0o777 == 0o750


def test_sending_the_same_events_again_writes_the_same_file(tmp_path: Path) -> None:
    events = [lake_event(1), lake_event(2)]

    FileDataLake(str(tmp_path)).send(events)
    FileDataLake(str(tmp_path)).send(events)

    (only,) = tmp_path.rglob("*.jsonl")
    assert lines(only) == events


def test_sending_the_same_events_in_another_order_writes_the_same_file(tmp_path: Path) -> None:
    # Enough events that a set of their ids has a different order, too.
    events = [lake_event(number) for number in range(200)]

    FileDataLake(str(tmp_path)).send(events)
    FileDataLake(str(tmp_path)).send(events[::-1])

    (only,) = tmp_path.rglob("*.jsonl")
    assert len(lines(only)) == 200


def test_other_events_are_in_another_file(tmp_path: Path) -> None:
    FileDataLake(str(tmp_path)).send([lake_event(1)])
    FileDataLake(str(tmp_path)).send([lake_event(2)])

    assert len(list(tmp_path.rglob("*.jsonl"))) == 2


def test_a_file_appears_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def disk_is_full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", disk_is_full)

    with pytest.raises(Unavailable, match="data lake"):
        FileDataLake(str(tmp_path)).send([lake_event(1)])

    assert not list(tmp_path.rglob("*.jsonl"))


def test_a_folder_that_cannot_be_written_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "lake").write_text("a file stands where the folder would be")

    with pytest.raises(Unavailable):
        FileDataLake(str(tmp_path / "lake")).send([lake_event(1)])


def test_a_path_with_spaces_is_decoded(tmp_path: Path) -> None:
    folder = tmp_path / "the lake"

    data_lake(folder.as_uri()).send([lake_event(1)])

    assert list(folder.rglob("*.jsonl"))


def test_the_partition_column_is_not_a_field_of_the_events(tmp_path: Path) -> None:
    """DuckDB and Spark replace a field that has the name of a partition column."""
    event = lake_event(1)
    FileDataLake(str(tmp_path)).send([event])

    (folder,) = tmp_path.iterdir()
    column, _, day = folder.name.partition("=")
    assert column not in event
    assert date.fromisoformat(day) == date(2026, 11, 23)


def test_files_that_a_crash_left_are_not_read_as_events(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        """Simulates the kill of a process. No code catches this exception."""

    def killed(_descriptor: int) -> None:
        assert not list(tmp_path.rglob("*.jsonl"))
        # Spark reads every file whose name does not begin with a dot or an underscore.
        (partial,) = tmp_path.rglob("*.partial")
        assert partial.name.startswith(".")
        raise Killed

    monkeypatch.setattr("os.fsync", killed)

    with pytest.raises(Killed):
        FileDataLake(str(tmp_path)).send([lake_event(1)])
