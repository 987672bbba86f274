"""Writing a file that appears whole or not at all, and that only its owner can read."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

# The name of a partial file begins with a dot: Spark reads every file of a folder whose name does
# not begin with a dot or an underscore. A suffix of its own keeps it out of patterns like `*.csv`.
PARTIAL = ".partial"
FILE_MODE = 0o600


@contextmanager
def whole_file(folder: Path, *, name: Callable[[], str]) -> Iterator[BinaryIO]:
    """Open a new file for writing. It appears in `folder` when the block ends without an error.

    `name` is called after the block, and may depend on what was written. A file of this name is
    replaced. When the block has ended, the file survives a power loss. The block, and its end,
    raise OSError if writing fails; then the partial file is removed.
    """
    partial = folder / f".{uuid4().hex}{PARTIAL}"
    try:
        with open(partial, "xb", opener=_open_private) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(folder / name())
    finally:
        partial.unlink(missing_ok=True)
    _sync_folder(folder)


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, FILE_MODE)


def _sync_folder(folder: Path) -> None:
    """Make a new file name survive a power loss: see fsync(2), "Description"."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
