"""`python -m tests.support.measured_migration UUID` archives a conversation and measures the cost.

It writes a JSON object: the growth of the process in bytes, the number of calls to DynamoDB, and
how many of these calls were made while this process had locked the conversation's row.
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
    """Tries to lock the conversation from another connection at each call to DynamoDB."""

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
        """Close the connection."""
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
    """Archive an empty conversation to fill caches, then archive the one to measure."""
    django.setup()

    from apps.common import clock
    from apps.common.aws import dynamodb_client
    from apps.messages.archiving import migrate

    conversation_uuid = UUID(sys.argv[1])
    probe = LockProbe(conversation_uuid=conversation_uuid)
    migrate(conversation_uuid=UUID(int=0), now=clock.now())
    dynamodb_client().meta.events.register("before-call.dynamodb", probe)
    before = _kilobytes("VmRSS")
    moved = migrate(conversation_uuid=conversation_uuid, now=clock.now()).own
    result = {
        "moved": moved,
        "grown": (_kilobytes("VmHWM") - before) * 1024,
        "calls": probe.calls,
        "calls_while_locked": probe.calls_while_locked,
    }
    probe.close()
    sys.stdout.write(json.dumps(result))


def _kilobytes(name: str) -> int:
    """Return a value of /proc/self/status, in kilobytes (proc(5)).

    `VmHWM` is the peak memory of this program, including C libraries. It is used because
    `ru_maxrss` would include the memory of the parent process at the time of the fork.
    """
    lines = dict(line.split(":", 1) for line in _STATUS.read_text().splitlines())
    return int(lines[name].split()[0])


if __name__ == "__main__":
    main()
