"""`python -m bench.growth`: how the costs of this service grow with load, size and settings.

GROWTH_CURVES names the curves to measure; without it, all are measured. The result is written after
each curve; other curves of an earlier run are kept.
"""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from rich.console import Console

from bench.common import results
from bench.common.backlog import Backlog, run_backlog, run_for, warm_up
from bench.common.chat import Load
from bench.common.run import Run, measured
from bench.common.servers import Servers, running_servers
from bench.common.trial import Contender, running_trial, service
from bench.growth.closing import measure_closing
from bench.growth.page import BENCHMARK
from bench.growth.result import ClosingPoint, Growth, Point, point
from embedded.commands import CommandError, exit_status

EVENTS = 10_000
CONTACTS = 100
# The maximal size of all messages of a point.
_MAX_BYTES = 100_000_000
# Filling a larger queue takes longer than a lease, so no worker can be paused meanwhile.
_MAX_PAUSED = 100_000
# A million events at 1,000 a second take two thirds of this.
MAX_SECONDS = 1_500.0
# The numbers of the messages that open conversations before a load begins.
_FIRST = range(1)
# The first of the contacts that no load has.
_OTHERS = 10_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """A curve: the values of what grows, and the load and the subject for each value."""

    values: Sequence[int]
    load: Callable[[int], Load] = lambda _at: _messages(EVENTS)
    contender: Callable[[int], Contender] = lambda _at: service()


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
        if name == "conversation":
            points.append(_closing(at, servers=servers))
        else:
            points.append(point(at=at, backlog=_backlog(name, at, servers=servers)))
        console.print(f"{name} {at:,}: {points[-1].seconds:.2f} seconds")
    return points


def _closing(size: int, *, servers: Servers) -> ClosingPoint:
    with running_trial(service(), servers=servers, name=f"conversation_{size}") as trial:
        return measure_closing(trial, messages=size, max_seconds=MAX_SECONDS)


def _backlog(curve: str, at: int, *, servers: Servers) -> Backlog:
    load, contender = CURVES[curve].load(at), CURVES[curve].contender(at)
    name = f"{curve}_{at}"
    if len(load) > _MAX_PAUSED:
        with running_trial(contender, servers=servers, name=name, before=load) as trial:
            return run_for(trial, load=load, max_seconds=MAX_SECONDS)
    # The curve of groups includes opening conversations; for the others, they are open before.
    first = _OTHERS if curve == "groups" else load.first_contact
    warm = Load(contacts=min(load.contacts, CONTACTS), numbers=_FIRST, first_contact=first)
    with running_trial(contender, servers=servers, name=name) as trial:
        warm_up(trial, load=warm, max_seconds=MAX_SECONDS)
        return run_backlog(trial, load=load, max_seconds=MAX_SECONDS)


def _messages(events: int, *, contacts: int | None = None) -> Load:
    """Return at least ten messages of each contact, unless the number of contacts is given."""
    each = contacts or max(1, min(CONTACTS, events // 10))
    return _load(max(1, events // each), contacts=each)


def _of_size(size: int) -> Load:
    (event,) = Load(contacts=1, numbers=_FIRST, text_characters=0)
    each = min(EVENTS, _MAX_BYTES // size) // CONTACTS
    return replace(_load(max(1, each)), text_characters=max(1, size - len(event.body)))


def _with_answers(in_a_hundred: int) -> Load:
    every = 100 // in_a_hundred if in_a_hundred else 0
    return replace(_load(EVENTS // CONTACTS), answers_every=every)


def _load(each: int, *, contacts: int = CONTACTS) -> Load:
    return Load(contacts=contacts, numbers=range(_FIRST.stop, _FIRST.stop + each))


CURVES: Mapping[str, Curve] = {
    "processes": Curve(values=(1, 2, 4, 8), contender=lambda at: service(processes=at)),
    "bundle": Curve(values=(1, 5, 10, 25), contender=lambda at: service(WORKER_BATCH_SIZE=str(at))),
    "groups": Curve(
        values=(1, 10, 100, 1_000, 10_000, 100_000),
        load=lambda at: _messages(EVENTS, contacts=at),
    ),
    # The sizes of event bodies, up to SQS's former limit.
    "message_bytes": Curve(values=(500, 1_000, 10_000, 100_000, 256_000), load=_of_size),
    "answers_in_a_hundred": Curve(values=(0, 1, 10), load=_with_answers),
    # The messages of the conversation that is closed.
    "conversation": Curve(values=(10, 100, 1_000, 10_000, 50_000)),
    "backlog": Curve(values=(100, 1_000, 10_000, 100_000, 1_000_000), load=_messages),
}


if __name__ == "__main__":
    sys.exit(exit_status(main))
