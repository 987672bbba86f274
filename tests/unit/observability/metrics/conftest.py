"""Fixtures that write metrics files, as the processes of a worker do."""

import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client.mmap_dict import mmap_key

from observability.metrics.reserved_files import ReservedDict

ENDED = mmap_key("ended", "ended_total", ["kind"], ["a"], "Meaning.")


@pytest.fixture
def ended_process() -> int:
    """Return the id of a process that has ended."""
    with subprocess.Popen(["true"]) as process:
        process.wait()
    return process.pid


@pytest.fixture
def write(tmp_path: Path, ended_process: int) -> Callable[..., Path]:
    """Return a function that writes the file of a process."""
    written = Counter[str]()

    def write(value: float, *, process: int = ended_process, key: str = ENDED) -> Path:
        written["files"] += 1
        path = tmp_path / f"counter_{process}-{written['files']}.db"
        file = ReservedDict(str(path))
        file.write_value(key, value, 0.0)
        file.close()
        return path

    return write
