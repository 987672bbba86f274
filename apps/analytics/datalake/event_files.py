"""Writing events to a file of newline-delimited JSON that appears whole or not at all."""

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from uuid import uuid4

# Readers of `*.jsonl` do not see a file with this suffix. Spark reads every file of a folder whose
# name does not begin with a dot or an underscore, so the names of partial files begin with a dot.
PARTIAL = ".partial"
# Answers are about persons, so only the user of the workers may read them.
FILE_MODE = 0o600
FOLDER_MODE = 0o700


def write_events(folder: Path, lines: Iterable[tuple[str, bytes]]) -> Path:
    """Write events to a file in `folder`, which must exist. Return the file.

    `lines` yields the id and the line of each event. Repeated events are left out. The file's name
    depends only on the ids of its events, so the same events always go into a file of the same
    name. When this returns, the file survives a power loss. Raise OSError if writing fails.
    """
    partial = folder / f".{uuid4().hex}{PARTIAL}"
    ids: set[str] = set()
    try:
        with open(partial, "xb", opener=_open_private) as file:
            for event_id, line in lines:
                if event_id not in ids:
                    ids.add(event_id)
                    file.write(line)
            file.flush()
            os.fsync(file.fileno())
        target = folder / _name(ids)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    _sync_folder(folder)
    return target


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, FILE_MODE)


def _name(ids: set[str]) -> str:
    digest = hashlib.sha256("".join(sorted(ids)).encode())
    return f"{digest.hexdigest()[:32]}.jsonl"


def _sync_folder(folder: Path) -> None:
    """Make a new file name survive a power loss: see fsync(2), "Description"."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
