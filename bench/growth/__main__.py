"""`python -m bench.growth` measures how this service's costs grow with load, size and settings.

GROWTH_CURVES names the curves to measure; without it, all are measured. The result is written after
each curve; other curves of an earlier run are kept.
"""

import os
import sys
from collections.abc import Sequence
from functools import partial

from rich.console import Console

from bench.common import results
from bench.common.backlog import Backlog, run_backlog, run_for, warm_up
from bench.common.chat import Load
from bench.common.run import Run, measured
from bench.common.servers import Servers, Stage, running_servers
from bench.common.trial import running_trial, service
from bench.growth.closing import measure_closing
from bench.growth.curves import CONTACTS, CURVES, FIRST
from bench.growth.page import BENCHMARK
from bench.growth.result import ClosingPoint, Growth, Point, point
from embedded.commands import CommandError, exit_status

# A worker cannot be paused while a larger queue is filled, because that takes longer than a lease.
_MAX_PAUSED = 100_000
# A million events at 1,000 events a second take two thirds of this time.
MAX_SECONDS = 1_500.0
# Contacts with this number or a higher one are not part of any load.
_OTHERS = 10_000_000


def main(console: Console) -> int:
    """Measure and write each curve; return 0. Raises ProcessError or CommandError."""
    names = _names()
    last = BENCHMARK.read(results.folder())
    curves = dict(last.result.curves) if last else {}
    with running_servers() as servers:
        for name in names:
            measure = partial(_curve, name, servers=servers, console=console)
            curve = curves[name] = measured(command=BENCHMARK.command, measure=measure)
            growth = Growth(most_seconds=MAX_SECONDS, curves=curves)
            BENCHMARK.write(Run(header=curve.header, result=growth), console=console)
    BENCHMARK.print(growth, console=console)
    return 0


def _names() -> Sequence[str]:
    """Return the curves that GROWTH_CURVES names, or all. Raises CommandError."""
    names = os.environ.get("GROWTH_CURVES", "").replace(",", " ").split() or list(CURVES)
    if unknown := set(names) - set(CURVES):
        raise CommandError(
            f"GROWTH_CURVES has {', '.join(sorted(unknown))}; the curves are {', '.join(CURVES)}."
        )
    return names


def _curve(name: str, *, servers: Servers, console: Console) -> list[Point | ClosingPoint]:
    """Measure each point on a new stage."""
    points: list[Point | ClosingPoint] = []
    for at in CURVES[name].values:
        with servers.stage(f"{name}_{at}") as stage:
            if name == "conversation":
                points.append(_closing(at, stage=stage))
            else:
                points.append(point(at=at, backlog=_backlog(name, at, stage=stage)))
        console.print(f"{name} {at:,}: {points[-1].seconds:.2f} seconds")
    return points


def _closing(size: int, *, stage: Stage) -> ClosingPoint:
    with running_trial(service(), stage=stage) as trial:
        return measure_closing(trial, messages=size, max_seconds=MAX_SECONDS)


def _backlog(curve: str, at: int, *, stage: Stage) -> Backlog:
    load, contender = CURVES[curve].load(at), CURVES[curve].contender(at)
    if len(load) > _MAX_PAUSED:
        with running_trial(contender, stage=stage, before=load) as trial:
            return run_for(trial, load=load, max_seconds=MAX_SECONDS)
    # The curve of groups includes the opening of conversations. For the other curves, the warm-up
    # opens them.
    first = _OTHERS if curve == "groups" else load.first_contact
    warm = Load(contacts=min(load.contacts, CONTACTS), numbers=FIRST, first_contact=first)
    with running_trial(contender, stage=stage) as trial:
        warm_up(trial, load=warm, max_seconds=MAX_SECONDS)
        return run_backlog(trial, load=load, max_seconds=MAX_SECONDS)


if __name__ == "__main__":
    sys.exit(exit_status(main))
