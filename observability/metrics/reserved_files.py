"""Metric files whose disk space is reserved before they are written.

prometheus-client writes to memory-mapped sparse files. On a full disk, the first write to an
unallocated page kills the process (SIGBUS). Reserving the space raises an OSError instead.
"""

import os
from functools import lru_cache
from pathlib import Path
from time import monotonic_ns
from typing import Any

from prometheus_client import mmap_dict, values

# An upper bound for the bytes of an entry without its key.
_VALUE_BYTES = 64


class ReservedDict(mmap_dict.MmapedDict):
    """A file of values. Opening it or adding a value raises OSError if the disk is full."""

    def __init__(self, filename: str, read_mode: bool = False) -> None:
        if not read_mode:
            with Path(filename).open("ab") as file:
                size = max(os.fstat(file.fileno()).st_size, mmap_dict._INITIAL_MMAP_SIZE)  # noqa: SLF001
                os.posix_fallocate(file.fileno(), 0, size)
        super().__init__(filename, read_mode)

    def _init_value(self: Any, key: str) -> None:
        needed = self._used + len(key.encode()) + _VALUE_BYTES
        capacity = self._capacity
        while needed > capacity:
            capacity *= 2
        if capacity > self._capacity:
            os.posix_fallocate(self._f.fileno(), 0, capacity)
        super()._init_value(key)


def reserve_files() -> None:
    """Make this process and its forks store their metric values in reserved files."""
    vars(values)["MmapedDict"] = ReservedDict
    # prometheus-client may have been imported already, with the unreserved files.
    values.ValueClass = values.MultiProcessValue(process_identity)


def process_identity() -> str:
    """Return the id of this process and a number that makes it unique.

    A later process may get the same id. It must not continue the file of the earlier one, because
    that file may be merged and removed at any time (observability.metrics.process_files).
    """
    return _identity_of(os.getpid())


@lru_cache(maxsize=1)
def _identity_of(process_id: int) -> str:
    return f"{process_id}-{monotonic_ns()}"
