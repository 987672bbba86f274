"""Exporting dead letters to a file."""

import json
import os
from pathlib import Path

from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.db.models import QuerySet

from apps.messages.dead_letters import document_of
from apps.messages.models import DeadLetter

PAGE = 50


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
            for letter in letters.iterator(chunk_size=PAGE):
                stream.write(json.dumps(document_of(letter), cls=DjangoJSONEncoder) + "\n")
                written.append(letter.pk)
        stream.flush()
        os.fsync(stream.fileno())
    return written
