"""A data lake in files of newline-delimited JSON, in one folder for each day."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self
from urllib.parse import SplitResult
from urllib.request import url2pathname

from apps.analytics.datalake.compaction import compact_past_days
from apps.analytics.datalake.event_files import FOLDER_MODE, write_events
from apps.analytics.datalake.interface import DataLake, LakeEvent, lake_is_unavailable
from apps.common import durations
from apps.common.lossless_json import dump

GATHER_FOR = timedelta(minutes=1)
# Shorter than the time after which a waiting event raises an alert.
MAX_GATHER_FOR = timedelta(minutes=10)

_GATHER = "gather="


class FileDataLake(DataLake):
    """A data lake that writes `<root>/day=YYYY-MM-DD/<hash>.jsonl`; days are in UTC.

    A file appears whole or not at all, and sending the same events again writes the same file. The
    folders are Hive partitions, which DuckDB and Spark read as a column. The column is not named
    `date` because it would hide the `date` of the events.
    """

    max_batch_size = 500

    def __init__(self, root: str, *, gather_for: timedelta = GATHER_FOR) -> None:
        self._root = Path(root)
        self.gather_for = gather_for

    @classmethod
    def at(cls, address: SplitResult) -> Self:
        """Return the lake at `file:///PATH[?gather=DURATION]`.

        Raise ValueError for any other address.
        """
        gather_for = _gather_for(address.query)
        if len(address.path) < 2 or address.netloc or gather_for is None or address.fragment:
            raise ValueError(
                "must be file:// and an absolute path, as in file:///var/lake. To gather events "
                "for longer or shorter than a minute, append a duration from 0s to 10m, as in "
                "?gather=10s."
            )
        return cls(url2pathname(address.path), gather_for=gather_for)

    def send(self, events: Sequence[LakeEvent]) -> None:
        """See `DataLake.send`. Raise Unavailable if writing fails, and never Refused."""
        by_day: defaultdict[str, list[LakeEvent]] = defaultdict(list)
        for event in events:
            by_day[event["date"][:10]].append(event)
        try:
            for day, events_of_day in by_day.items():
                folder = self._root / f"day={day}"
                # `mkdir` creates parents with the default mode. A lake that exists keeps its own.
                self._root.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
                folder.mkdir(mode=FOLDER_MODE, exist_ok=True)
                lines = (
                    (event["event_id"], f"{dump(event)}\n".encode()) for event in events_of_day
                )
                write_events(folder, lines)
        except OSError as error:
            raise lake_is_unavailable(type(error).__name__) from error

    def compact(self, *, now: datetime) -> Iterator[int]:
        """See `DataLake.compact`. Raise Unavailable if reading or writing fails."""
        try:
            yield from compact_past_days(self._root, now=now)
        except OSError as error:
            raise lake_is_unavailable(type(error).__name__) from error


def _gather_for(query: str) -> timedelta | None:
    """Return how long the lake gathers events, or None if the query is malformed."""
    if not query:
        return GATHER_FOR
    duration = durations.read(query.removeprefix(_GATHER)) if query.startswith(_GATHER) else None
    return duration if duration is not None and duration <= MAX_GATHER_FOR else None
