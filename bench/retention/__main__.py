"""`python -m bench.retention` measures the task that deletes what is beyond its retention.

BENCH_CONVERSATIONS (1000000) is the number of conversations, a multiple of 100.
"""

import sys

from rich.console import Console

from bench.common.servers import Stage, running_servers
from bench.retention.data import RETENTIONS, make_rows
from bench.retention.page import BENCHMARK
from bench.retention.result import Retention
from demo.settings import use_settings
from embedded.commands import number_setting

_CONVERSATIONS = 1_000_000
# With fewer, nothing of some kinds is due.
_MIN_CONVERSATIONS = 2_000


def measure(console: Console) -> Retention:
    """Create rows, and run the task until nothing is due. Raises ProcessError or CommandError."""
    conversations = number_setting(
        "BENCH_CONVERSATIONS",
        default=_CONVERSATIONS,
        minimum=_MIN_CONVERSATIONS,
        multiple_of=100,
    )
    with (
        # Autovacuum would change the counts by chance.
        running_servers(autovacuum="off") as servers,
        servers.stage("retention", **RETENTIONS) as stage,
    ):
        use_settings(stage.environment)
        return _measure_with_django(conversations=conversations, stage=stage, console=console)


def _measure_with_django(*, conversations: int, stage: Stage, console: Console) -> Retention:
    # Models cannot be imported before the settings are set.
    from django.db import connection

    from apps.common.clock import now
    from bench.retention.runs import measure_runs
    from config.celery import app

    def dynamodb_calls() -> int:
        usage = stage.servers.dynamodb.usage(table=stage.table)
        return sum(used.calls for used in usage.values())

    at = now()
    try:
        app.loader.import_default_modules()
        console.print(f"Creating {conversations:,} conversations with all that belongs to them")
        make_rows(conversations=conversations, until=at)
        console.print("Running the task until nothing is due")
        return measure_runs(at=at, dynamodb_calls=dynamodb_calls, queued=stage.queue.size)
    finally:
        app.close()
        connection.close()


if __name__ == "__main__":
    sys.exit(BENCHMARK.main(measure))
