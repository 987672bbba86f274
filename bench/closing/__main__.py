"""`python -m bench.closing`: very many conversations that close at the same time.

Writes bench/closing.json and docs/closing-scale.md. BENCH_CONVERSATIONS is the number of those
that the sweep claims.
"""

import os
import platform
import sys

from rich.console import Console

from bench.closing.page import render
from bench.closing.result import ClosingRun
from bench.closing_table import print_run
from bench.common.command import count_setting, exit_status
from bench.common.revision import revision
from bench.common.subjects import PROJECT_ROOT
from demo.settings import use_settings
from embedded.service import running_worker
from embedded.stack import Stack, running_stack
from testbed.dynamodb import running_dynamodb_server
from testbed.sqs import SqsServer, running_sqs_server

COMMAND = "make bench-closing"
RESULT = PROJECT_ROOT / "bench" / "closing.json"
PAGE = PROJECT_ROOT / "docs" / "closing-scale.md"
_CONVERSATIONS = 100_000
_STORM = 3_000
_CONCURRENCY = 2
# Of one conversation: SQL statements, and calls of SQS that send.
_GOAL_STATEMENTS = 0.02
_GOAL_SENDS = 0.1


def main(console: Console) -> None:
    """Measure, print and write. Raises ProcessError or BadSetting."""
    conversations = count_setting(name="BENCH_CONVERSATIONS", default=_CONVERSATIONS)
    run = _measure(conversations=conversations, console=console)
    print_run(console=console, run=run)
    RESULT.write_text(run.as_json())
    PAGE.write_text(render(run=run))


def _measure(*, conversations: int, console: Console) -> ClosingRun:
    with (
        running_stack() as stack,
        running_sqs_server(greedy=True) as server,
        running_dynamodb_server() as dynamodb,
    ):
        environment = {
            **stack.environment,
            "AWS_ENDPOINT_URL_SQS": server.url,
            "AWS_ENDPOINT_URL_DYNAMODB": dynamodb.url,
            "SQS_CONVERSATION_QUEUE_URL": server.queue_url("conversations.fifo"),
            "SQS_CONVERSATION_DLQ_URL": server.queue_url("conversations-dlq.fifo"),
        }
        use_settings(environment)
        return _measure_with_django(
            conversations=conversations,
            environment=environment,
            stack=stack,
            server=server,
            console=console,
        )


def _measure_with_django(
    *,
    conversations: int,
    environment: dict[str, str],
    stack: Stack,
    server: SqsServer,
    console: Console,
) -> ClosingRun:
    # Only now: models cannot be imported before the settings are known.
    from django.core.management import call_command
    from django.db import connection

    from apps.conversations.closing import MOST_WAITING
    from bench.closing.storm import run_storm
    from bench.closing.sweep import empty_queue, postgresql_version, run_sweep
    from config.celery import app
    from tasks.closing import PAGE as CLAIMED_AT_ONCE

    try:
        call_command("migrate", verbosity=0)
        call_command("provision", verbosity=0)
        app.loader.import_default_modules()
        console.print(f"A sweep over {conversations:,} conversations")
        before = os.getloadavg()[0]
        sweep = run_sweep(conversations=conversations, server=server)
        empty_queue()
        console.print(f"{_STORM:,} closings among live messages")
        with running_worker(
            environment=environment, logs=stack.logs, concurrency=_CONCURRENCY
        ) as worker:
            storm = run_storm(
                conversations=_STORM, concurrency=_CONCURRENCY, server=server, worker=worker
            )
        return ClosingRun(
            command=COMMAND,
            commit=revision(),
            cores=os.cpu_count() or 0,
            load=(before, os.getloadavg()[0]),
            python=platform.python_version(),
            postgresql=postgresql_version(),
            page=CLAIMED_AT_ONCE,
            most_waiting=MOST_WAITING,
            goal_statements=_GOAL_STATEMENTS,
            goal_sends=_GOAL_SENDS,
            sweep=sweep,
            storm=storm,
        )
    finally:
        app.close()
        connection.close()


if __name__ == "__main__":
    sys.exit(exit_status(main))
