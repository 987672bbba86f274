"""`python -m bench.figures` times the figures of the console.

BENCH_CONVERSATIONS (1000000) is the number of conversations, a multiple of 100.
"""

import sys

from rich.console import Console

from bench.common.servers import running_servers
from bench.figures.page import BENCHMARK
from bench.figures.result import FigureTimes
from demo.settings import use_settings
from embedded.commands import number_setting

_CONVERSATIONS = 1_000_000


def measure(console: Console) -> FigureTimes:
    """Create the conversations, and time the figures. Raises ProcessError or CommandError."""
    conversations = number_setting(
        "BENCH_CONVERSATIONS", default=_CONVERSATIONS, minimum=100, multiple_of=100
    )
    with running_servers() as servers, servers.stage("figures") as stage:
        use_settings(stage.environment)

        # Models cannot be imported before the settings are set.
        from django.db import connection

        from bench.figures.data import make_dataset
        from bench.figures.timing import time_figures

        try:
            console.print(f"Creating {conversations:,} conversations and their answers")
            dataset = make_dataset(conversations=conversations)
            console.print("Timing the figures, and rolling up the year")
            return time_figures(dataset)
        finally:
            connection.close()


if __name__ == "__main__":
    sys.exit(BENCHMARK.main(measure))
