"""Merging the files of each past day into one.

The merged file is on the disk before its sources are deleted, so no event is lost if the process is
killed. Until the sources are deleted, readers may see an event twice. If the process is killed
before it deletes them, the next run merges all of these files again and writes each event once.

Two runs at once lose nothing either. A run deletes a source only if the merged file has all its
events and more. A source that has exactly the same events as the merged file also has the same
name, and is kept.
"""

import json
import logging
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from apps.analytics.datalake.event_files import write_events
from apps.common.whole_files import PARTIAL

logger = logging.getLogger(__name__)

# A day's files are not merged before this time after its end, because its last events are delivered
# shortly after midnight.
SETTLING_TIME = timedelta(hours=1)
# The maximum number of files in one merge. A day with more files takes several merges.
MAX_FILES = 2_000
# After this time, nothing writes to a partial file any more: its worker was killed.
MAX_PARTIAL_AGE = timedelta(days=1)

_DAY = re.compile(r"day=\d{4}-\d{2}-\d{2}")
_FILE = re.compile(r"[0-9a-f]{32}\.jsonl")


def compact_past_days(root: Path, *, now: datetime) -> Iterator[int]:
    """Merge the files of past days, oldest first. Yield the number of files of each merge.

    A day that has a damaged file is logged and stays as it is. Files with other names than those of
    the service are ignored. Raise OSError if reading or writing fails.
    """
    today = f"day={(now - SETTLING_TIME).astimezone(UTC):%Y-%m-%d}"
    for folder in sorted(root.iterdir()) if root.exists() else ():
        if _DAY.fullmatch(folder.name) and folder.name < today:
            yield from _compact_day(folder, now=now)


def _compact_day(folder: Path, *, now: datetime) -> Iterator[int]:
    files: list[Path] = []
    for path in sorted(folder.iterdir()):
        if path.suffix == PARTIAL:
            _delete_abandoned(path, now=now)
        elif _FILE.fullmatch(path.name):
            files.append(path)
    try:
        while len(files) > 1:
            sources, others = files[:MAX_FILES], files[MAX_FILES:]
            merged = _merge(sources)
            yield len(sources)
            files = [merged, *(file for file in others if file != merged)]
    except (ValueError, LookupError, TypeError) as error:
        logger.warning(
            "data_lake_day_not_compacted",
            extra={"folder": str(folder), "error": type(error).__name__},
        )


def _merge(sources: Sequence[Path]) -> Path:
    merged = write_events(sources[0].parent, _lines(sources))
    for source in sources:
        if source != merged:
            source.unlink(missing_ok=True)
    return merged


def _lines(files: Sequence[Path]) -> Iterator[tuple[str, bytes]]:
    """Yield the id and the line of each event, without holding a file in memory."""
    for path in files:
        with path.open("rb") as file:
            for line in file:
                yield json.loads(line)["event_id"], line.rstrip(b"\n") + b"\n"


def _delete_abandoned(partial: Path, *, now: datetime) -> None:
    try:
        changed_at = datetime.fromtimestamp(partial.stat().st_mtime, UTC)
    except FileNotFoundError:
        # A worker has just finished it.
        return
    if changed_at < now - MAX_PARTIAL_AGE:
        partial.unlink(missing_ok=True)
