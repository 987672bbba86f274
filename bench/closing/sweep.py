"""The sweep alone: the task that claims due conversations and sends their pointers."""

import time
from collections.abc import Callable
from contextlib import closing
from typing import Any

from django.db import connection

from apps.common.clock import now
from bench.closing.data import make_due
from bench.closing.result import Sweep
from tasks.closing import close_due_conversations
from testbed.sqs import SqsServer
from testbed.sqs.calls import LoggedCall

# The effect of their pointers, in one statement.
_TAKE_EFFECT = """
UPDATE conversations_conversation
SET resolution = 3, ended_at = close_requested_at, due_at = NULL, close_requested_at = NULL,
    archived_at = now()
WHERE close_requested_at IS NOT NULL
"""


def run_sweep(*, conversations: int, server: SqsServer) -> Sweep:
    """Run the task until no conversation is due.

    After each page, another connection closes the claimed conversations, as workers without a
    backlog do. So the sweep never pauses because too many pointers wait. This time is not counted.
    """
    make_due(number=conversations, prefix="sweep:", due_at=now())
    server.reset_calls()
    statements, pages, seconds = 0, 0, 0.0

    def count(execute: Callable[..., Any], *arguments: Any) -> Any:
        nonlocal statements
        statements += 1
        return execute(*arguments)

    with closing(connection.copy()) as workers:
        while True:
            begun = time.perf_counter()
            with connection.execute_wrapper(count):
                close_due_conversations.run()
            seconds += time.perf_counter() - begun
            with workers.cursor() as cursor:
                cursor.execute(_TAKE_EFFECT)
                if not cursor.rowcount:
                    break
            pages += 1
    return Sweep(
        conversations=conversations,
        pages=pages,
        seconds=seconds,
        statements=statements,
        calls=server.call_counts(),
        pointers=sum(map(_accepted, server.calls(action="SendMessageBatch"))),
    )


def _accepted(call: LoggedCall) -> int:
    """Return how many messages of a call the queue accepted."""
    return sum(entry.result == "sent" for entry in call.entries)
