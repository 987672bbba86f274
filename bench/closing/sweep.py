"""Measures the sweep alone: the task that claims due conversations and sends their pointers."""

import time
from contextlib import closing
from datetime import timedelta

from django.db import connection

from apps.common.clock import now
from bench.closing.result import Sweep
from bench.common.chat import CHANNEL
from bench.common.filling import fill
from bench.common.statements import Statements
from tasks.closing import close_due_conversations
from testbed.sqs import SqsServer
from testbed.sqs.calls import LoggedCall

PROJECTS = 50
_OPEN_FOR = timedelta(hours=6)

_INSERT_PROJECTS = """
INSERT INTO conversations_project (uuid, name, timezone, closing_time)
SELECT lpad(n::text, 32, '0')::uuid, 'Project ' || n, 'America/Sao_Paulo', '00:00'
FROM generate_series(1, %(projects)s) AS n
"""
# All are due at the same instant, as at midnight in one time zone.
_INSERT_DUE = """
WITH made AS (
    INSERT INTO conversations_conversation (
        uuid, project_id, channel_uuid, contact_urn, contact_name, group_id, external_id,
        started_at, opened_at, closes_at, due_at, resolution, has_chats_room, message_count
    )
    SELECT gen_random_uuid(), lpad((1 + n %% %(projects)s)::text, 32, '0')::uuid, %(channel)s,
        'sweep:' || n, 'Contact ' || n, 'sweep:' || n, '', %(opened_at)s, %(opened_at)s,
        %(due_at)s, %(due_at)s, 2, false, 0
    FROM generate_series(1, %(number)s) AS n
    RETURNING uuid, project_id, channel_uuid, contact_urn, group_id, opened_at
)
INSERT INTO conversations_span (
    conversation_id, project_id, channel_uuid, contact_urn, group_id, first_sequence, starts_at,
    start_sequence, start_group, opened_at, opened_sequence, end_group
)
SELECT uuid, project_id, channel_uuid, contact_urn, group_id, 1, opened_at, 1, group_id, opened_at,
    1, ''
FROM made
"""
# Closes the claimed conversations in one statement, as the pointers would do one by one.
_TAKE_EFFECT = """
UPDATE conversations_conversation
SET resolution = 3, ended_at = close_requested_at, due_at = NULL, close_requested_at = NULL,
    archived_at = now()
WHERE close_requested_at IS NOT NULL
"""


def run_sweep(*, conversations: int, server: SqsServer) -> Sweep:
    """Run the task until no conversation is due.

    After each page, another connection closes the claimed conversations, as workers without a
    backlog do. Otherwise the sweep would pause when too many pointers wait. The time of the other
    connection is not counted.
    """
    _make_due(conversations)
    server.reset_calls()
    statements, seconds = Statements(), 0.0
    with closing(connection.copy()) as workers:
        while True:
            begun = time.perf_counter()
            with connection.execute_wrapper(statements):
                close_due_conversations.run()
            seconds += time.perf_counter() - begun
            with workers.cursor() as cursor:
                cursor.execute(_TAKE_EFFECT)
                if not cursor.rowcount:
                    break
    return Sweep(
        conversations=conversations,
        seconds=seconds,
        statements=statements.count,
        calls=server.call_counts(),
        pointers=sum(map(_accepted, server.calls(action="SendMessageBatch"))),
    )


def _make_due(conversations: int) -> None:
    """Create conversations whose closing time has come, each with a different contact."""
    due_at = now()
    fill(
        _INSERT_PROJECTS,
        _INSERT_DUE,
        parameters={
            "projects": PROJECTS,
            "channel": CHANNEL,
            "opened_at": due_at - _OPEN_FOR,
            "due_at": due_at,
            "number": conversations,
        },
    )


def _accepted(call: LoggedCall) -> int:
    """Return how many messages of a call the queue accepted."""
    return sum(entry.result == "sent" for entry in call.entries)
