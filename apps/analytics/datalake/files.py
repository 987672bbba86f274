"""A data lake in files of newline-delimited JSON, in one folder for each day."""

import hashlib
import os
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Self
from urllib.parse import SplitResult
from urllib.request import url2pathname

from apps.analytics.datalake.interface import LakeEvent, lake_is_unavailable
from apps.common.lossless_json import dump


class FileDataLake:
    """A data lake that writes `<root>/day=YYYY-MM-DD/<hash>.jsonl`; days are in UTC.

    A file appears whole or not at all, and sending the same events again writes the same file. The
    folders are Hive partitions, which DuckDB and Spark read as a column. The column is not named
    `date` because it would hide the `date` of the events.
    """

    max_batch_size = 500

    def __init__(self, root: str) -> None:
        self._root = Path(root)

    @classmethod
    def at(cls, address: SplitResult) -> Self:
        """Return the lake at `file:///PATH`. Raises ValueError for any other address."""
        if len(address.path) < 2 or address.netloc or address.query or address.fragment:
            raise ValueError("must be file:// and an absolute path, as in file:///var/lake.")
        return cls(url2pathname(address.path))

    def send(self, events: Sequence[LakeEvent]) -> None:
        """See `DataLake.send`. Raises Unavailable if writing fails; refuses no event."""
        by_day: defaultdict[str, list[LakeEvent]] = defaultdict(list)
        for event in events:
            by_day[event["date"][:10]].append(event)
        try:
            for day, events_of_day in by_day.items():
                self._write(self._root / f"day={day}", events_of_day)
        except OSError as error:
            raise lake_is_unavailable(type(error).__name__) from error

    def _write(self, folder: Path, events: list[LakeEvent]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        ids = "".join(event["event_id"] for event in events)
        target = folder / f"{hashlib.sha256(ids.encode()).hexdigest()[:32]}.jsonl"
        partial = target.with_suffix(f".{os.getpid()}.partial")
        try:
            with partial.open("w", encoding="utf-8") as file:
                file.writelines(f"{dump(event)}\n" for event in events)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
        _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    """Make a new file name survive a power loss: see fsync(2), "Description"."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
