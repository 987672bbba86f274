"""Writing events to a file of newline-delimited JSON that appears whole or not at all."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from apps.common.whole_files import whole_file

# Answers are about persons, so only the user of the workers may read their folders.
FOLDER_MODE = 0o700


def write_events(folder: Path, lines: Iterable[tuple[str, bytes]]) -> Path:
    """Write events to a file in `folder`, which must exist. Return the file.

    `lines` yields the id and the line of each event. Repeated events are left out. The file's name
    depends only on the ids of its events, so the same events always go into a file of the same
    name. When this returns, the file survives a power loss. Raise OSError if writing fails.
    """
    ids: set[str] = set()
    with whole_file(folder, name=lambda: _name(ids)) as file:
        for event_id, line in lines:
            if event_id not in ids:
                ids.add(event_id)
                file.write(line)
    return folder / _name(ids)


def _name(ids: set[str]) -> str:
    digest = hashlib.sha256("".join(sorted(ids)).encode())
    return f"{digest.hexdigest()[:32]}.jsonl"
