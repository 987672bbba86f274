"""`python -m bench.closing` measures many conversations that close at the same time.

BENCH_CONVERSATIONS (100000) is the number of conversations that are due in the first part, the
sweep. In the second part, the storm, 3000 conversations close while other messages arrive.
"""

import sys

from rich.console import Console

from bench.closing.page import BENCHMARK
from bench.closing.result import Closings
from bench.common.servers import Stage, running_servers
from bench.common.trial import running_trial, service
from demo.settings import use_settings
from embedded.commands import number_setting

_CONVERSATIONS = 100_000
_STORM = 3_000
# The newest messages are from the same minute. They must not postpone closings.
_SETTINGS = {"CLOSING_QUIET_PERIOD": "0"}


def measure(console: Console) -> Closings:
    """Run the sweep, then the storm. Raises ProcessError or CommandError."""
    conversations = number_setting("BENCH_CONVERSATIONS", default=_CONVERSATIONS, minimum=1)
    with running_servers() as servers, servers.stage("closing", **_SETTINGS) as stage:
        use_settings(stage.environment)
        return _measure_with_django(conversations=conversations, stage=stage, console=console)


def _measure_with_django(*, conversations: int, stage: Stage, console: Console) -> Closings:
    # Models cannot be imported before the settings are set.
    from django.db import connection

    from apps.conversations.closing import MAX_WAITING
    from bench.closing.storm import run_storm
    from bench.closing.sweep import run_sweep
    from config.celery import app
    from tasks.closing import PAGE

    try:
        app.loader.import_default_modules()
        console.print(f"A sweep over {conversations:,} conversations")
        sweep = run_sweep(conversations=conversations, server=stage.servers.sqs)
        stage.queue.purge()
        console.print(f"{_STORM:,} closings among live messages")
        with running_trial(service(), stage=stage) as trial:
            storm = run_storm(trial, conversations=_STORM)
    finally:
        app.close()
        connection.close()
    return Closings(page=PAGE, most_waiting=MAX_WAITING, sweep=sweep, storm=storm)


if __name__ == "__main__":
    sys.exit(BENCHMARK.main(measure))
