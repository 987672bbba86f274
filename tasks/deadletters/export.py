"""Writing dead letters to a file."""

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
    """Write these to a new file of JSON lines that only its owner may read; gives their ids.

    When it returns the file is on the disk; otherwise there is none. Raises OSError, also if there
    is a file of that name.
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
        # Whatever the umask of the process has left of it.
        os.fchmod(stream.fileno(), 0o600)
        # In a transaction, whose cursor works behind a pooler, too.
        with transaction.atomic():
            for letter in letters.iterator(chunk_size=PAGE):
                stream.write(json.dumps(document_of(letter), cls=DjangoJSONEncoder) + "\n")
                written.append(letter.pk)
        stream.flush()
        os.fsync(stream.fileno())
    return written
