"""`python -m tests.support.measured_migration UUID`: archives a conversation, in a fresh process.

Writes as JSON by how many bytes the process grew, what it called of DynamoDB, and how many of these
calls were made while somebody, who can only be itself, held the lock of the conversation's row.
"""

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any
from uuid import UUID

import django
import psycopg2

_STATUS = Path("/proc/self/status")


class LockProbe:
    """Tries from a connection of its own, at each call to DynamoDB, to lock a conversation."""

    def __init__(self, *, conversation_uuid: UUID) -> None:
        from django.db import connection

        self.calls: Counter[str] = Counter()
        self.calls_while_locked = 0
        self._conversation_uuid = conversation_uuid
        self._connection = psycopg2.connect(**connection.get_connection_params())

    def __call__(self, model: Any, **_event: Any) -> None:
        self.calls[model.name] += 1
        self.calls_while_locked += self._is_locked()

    def close(self) -> None:
        """Ends its connection."""
        self._connection.close()

    def _is_locked(self) -> bool:
        try:
            with self._connection, self._connection.cursor() as cursor:
                cursor.execute(
                    "SELECT FROM conversations_conversation WHERE uuid = %s FOR UPDATE NOWAIT",
                    [str(self._conversation_uuid)],
                )
        except psycopg2.errors.LockNotAvailable:
            return True
        return False


def main() -> None:
    """Archives the conversation that is named, after an empty one for all that is made once."""
    django.setup()

    from apps.common import clock
    from apps.common.aws import dynamodb_client
    from apps.messages.archiving import migrate

    conversation_uuid = UUID(sys.argv[1])
    probe = LockProbe(conversation_uuid=conversation_uuid)
    migrate(conversation_uuid=UUID(int=0), now=clock.now())
    dynamodb_client().meta.events.register("before-call.dynamodb", probe)
    before = _kilobytes("VmRSS")
    moved = migrate(conversation_uuid=conversation_uuid, now=clock.now())
    result = {
        "moved": moved,
        "grown": (_kilobytes("VmHWM") - before) * 1024,
        "calls": probe.calls,
        "calls_while_locked": probe.calls_while_locked,
    }
    probe.close()
    sys.stdout.write(json.dumps(result))


def _kilobytes(name: str) -> int:
    """A line of Linux's /proc/PID/status (proc(5)).

    `VmHWM` is the most memory that this program has held, libraries in C included; ru_maxrss would
    also count what its parent held when it was started.
    """
    lines = dict(line.split(":", 1) for line in _STATUS.read_text().splitlines())
    return int(lines[name].split()[0])


if __name__ == "__main__":
    main()
