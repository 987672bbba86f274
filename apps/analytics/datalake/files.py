"""A data lake in files: newline JSON, in one folder for each day."""

import hashlib
import os
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from apps.errors import Unavailable
from apps.lossless_json import dump


class FileDataLake:
    """Writes `<root>/date=YYYY-MM-DD/<batch>.jsonl`.

    A file appears whole or not at all, and the same batch sent again is the same file.
    """

    def __init__(self, root: str) -> None:
        self._root = Path(root)

    def send(self, events: Sequence[dict[str, Any]]) -> None:
        """Deliver all of these events. Raises Unavailable if the disk refuses."""
        by_day: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        for event in events:
            by_day[event["date"][:10]].append(event)
        try:
            for day, events_of_day in by_day.items():
                self._write(self._root / f"date={day}", events_of_day)
        except OSError as error:
            raise Unavailable("The data lake", type(error).__name__) from error

    def _write(self, folder: Path, events: list[dict[str, Any]]) -> None:
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
