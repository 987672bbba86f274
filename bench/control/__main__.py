"""`python -m bench.control`: the same backlog without events, with them, and with a dead broker.

BENCH_EVENTS (8000) is the number of events of a round.
"""

import sys
from collections import defaultdict

from rich.console import Console

from bench.common.command import count_setting
from bench.common.subjects import running_place
from bench.control.backlog import KINDS, run_backlog
from bench.control.page import BENCHMARK
from bench.control.result import Backlog, ControlCosts, Variant

_ROUNDS = 5
_EVENTS = 8_000
_GROUPS = 100
_CONCURRENCY = 2


def measure(console: Console) -> ControlCosts:
    """Run all variants in each round. Raise ProcessError or BadSetting."""
    events = count_setting(name="BENCH_EVENTS", default=_EVENTS, multiple_of=_GROUPS)
    backlogs: dict[str, list[Backlog]] = defaultdict(list)
    with running_place(concurrency=_CONCURRENCY) as place:
        for number in range(_ROUNDS):
            # Another one is the first in each round, so that none has the machine's warm-up.
            for kind in (*KINDS[number:], *KINDS[:number]):
                console.print(f"Round {number + 1} of {_ROUNDS}: {kind.name}")
                backlogs[kind.name].append(
                    run_backlog(kind=kind, place=place, events=events, groups=_GROUPS)
                )
    return ControlCosts(
        groups=_GROUPS,
        concurrency=_CONCURRENCY,
        variants=[Variant(name=kind.name, backlogs=backlogs[kind.name]) for kind in KINDS],
    )


if __name__ == "__main__":
    sys.exit(BENCHMARK.main(measure))
