"""`python -m bench.closing`: very many conversations that close at the same time.

Writes bench/closing.json and docs/closing-scale.md. BENCH_CONVERSATIONS is the number of those
that the sweep claims.
"""

import os
import platform
import sys

from rich.console import Console

from bench.closing_page import render
from bench.closing_result import ClosingRun
from bench.closing_table import print_run
from bench.revision import revision
from bench.subjects import PROJECT_ROOT
from demo.settings import use_settings
from embedded.processes import ProcessError, sigterm_as_exit
from embedded.service import running_worker
from embedded.stack import Stack, running_stack
from tests.support.dynamodb_server import running_dynamodb_server
from tests.support.sqs_server import SqsServer, running_sqs_server

COMMAND = "make bench-closing"
RESULT = PROJECT_ROOT / "bench" / "closing.json"
PAGE = PROJECT_ROOT / "docs" / "closing-scale.md"
_CONVERSATIONS = 100_000
_STORM = 3_000
_CONCURRENCY = 2
# Of one conversation: SQL statements, and calls of SQS that send.
_GOAL_STATEMENTS = 0.02
_GOAL_SENDS = 0.1
_INTERRUPTED = 130


def main() -> int:
    """0 when all was measured, 1 if a process failed; 130 and 143 if stopped."""
    console, errors = Console(), Console(stderr=True)
    try:
        with sigterm_as_exit():
            run = _measure(conversations=_conversations(), console=console)
    except (ProcessError, ValueError) as error:
        errors.print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        errors.print("Interrupted. Everything is stopped.")
        return _INTERRUPTED
    print_run(console=console, run=run)
    RESULT.write_text(run.as_json())
    PAGE.write_text(render(run=run))
    return 0


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
    from bench.closing_storm import run_storm
    from bench.closing_sweep import empty_queue, postgresql_version, run_sweep
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


def _conversations() -> int:
    """BENCH_CONVERSATIONS, or the default. Raises ValueError with what to set instead."""
    text = os.environ.get("BENCH_CONVERSATIONS", "") or str(_CONVERSATIONS)
    if not (text.isascii() and text.isdigit() and int(text)):
        raise ValueError("BENCH_CONVERSATIONS must be a number from 1 on.")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
