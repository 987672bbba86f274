"""`python -m bench.control` measures the cost of worker events, and of faults of their broker.

BENCH_EVENTS (8000) is the number of events of a round.
"""

import sys
from collections import defaultdict

from rich.console import Console

from bench.common.subjects import running_site
from bench.control.backlog import KINDS, run_backlog
from bench.control.page import BENCHMARK
from bench.control.result import Backlog, ControlCosts, Variant
from embedded.commands import number_setting

_ROUNDS = 5
_EVENTS = 8_000
_GROUPS = 100
_CONCURRENCY = 2


def measure(console: Console) -> ControlCosts:
    """Run all variants in each round. Raises ProcessError or CommandError."""
    events = number_setting("BENCH_EVENTS", default=_EVENTS, minimum=_GROUPS, multiple_of=_GROUPS)
    backlogs: dict[str, list[Backlog]] = defaultdict(list)
    with running_site(concurrency=_CONCURRENCY) as site:
        for number in range(_ROUNDS):
            # Each round begins with another variant, because the first run of a round has cold
            # caches.
            for kind in (*KINDS[number:], *KINDS[:number]):
                console.print(f"Round {number + 1} of {_ROUNDS}: {kind.name}")
                backlogs[kind.name].append(
                    run_backlog(kind=kind, site=site, events=events, groups=_GROUPS)
                )
    return ControlCosts(
        groups=_GROUPS,
        concurrency=_CONCURRENCY,
        variants=[Variant(name=kind.name, backlogs=backlogs[kind.name]) for kind in KINDS],
    )


if __name__ == "__main__":
    sys.exit(BENCHMARK.main(measure))
