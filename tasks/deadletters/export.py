"""Exporting dead letters to a file."""

import os
from pathlib import Path

from django.db import transaction
from django.db.models import QuerySet

from apps.messages.dead_letters import EXPORT_PAGE, json_line
from apps.messages.models import DeadLetter


def write_export(file: Path, letters: QuerySet[DeadLetter]) -> list[int]:
    """Write letters to a new file of JSON lines that only its owner can read. Return their ids.

    The data is synced to disk before the function returns. Raise OSError if the file exists or
    cannot be written; a file that is incomplete is removed.
    """
    descriptor = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        return _write_lines(descriptor, letters)
    except BaseException:
        file.unlink()
        raise


def _write_lines(descriptor: int, letters: QuerySet[DeadLetter]) -> list[int]:
    written = []
    with open(descriptor, "w", encoding="ascii") as stream:
        # The umask of the process may have removed permissions from the mode.
        os.fchmod(stream.fileno(), 0o600)
        # A server-side cursor works behind a pooler only inside a transaction.
        with transaction.atomic():
            for letter in letters.iterator(chunk_size=EXPORT_PAGE):
                stream.write(json_line(letter))
                written.append(letter.pk)
        stream.flush()
        os.fsync(stream.fileno())
    return written
