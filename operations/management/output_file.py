"""The file that a command writes when an option names one."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from django.core.management.base import CommandError

from apps.common.whole_files import whole_file


@contextmanager
def output_file(target: Path) -> Iterator[BinaryIO]:
    """Open a file for writing, which replaces `target` when the block ends without an error.

    Only its owner can read it. If `target` is a link, the file behind it is replaced. Raise
    CommandError if the file cannot be written.
    """
    try:
        if target.exists() and not target.is_file():
            raise CommandError(f"{target} is not a regular file. Nothing was written.")
        path = Path(os.path.realpath(target))
        with whole_file(path.parent, name=lambda: path.name) as file:
            yield file
    except OSError as error:
        raise CommandError(
            f"{target} cannot be written: {error.strerror or error}. Nothing was written."
        ) from error
