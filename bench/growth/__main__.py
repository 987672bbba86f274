"""`python -m bench.growth`: how this service's cost grows with everything that can grow.

Writes after each curve, and keeps the curves that are there. GROWTH_CURVES names those to measure.
"""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from rich.console import Console

from bench.common import results
from bench.common.backlog import Backlog, run_backlog, run_for, warm_up
from bench.common.chat import Load
from bench.common.command import BadSetting, exit_status
from bench.common.run import Run, measured
from bench.common.servers import Servers, running_servers
from bench.common.trial import Contender, running_trial, service
from bench.growth.closing import measure_closing
from bench.growth.page import BENCHMARK
from bench.growth.result import ClosingPoint, Growth, Point, point

PROCESSES = (1, 2, 4, 8)
BUNDLE = (1, 5, 10, 25)
GROUPS = (1, 10, 100, 1_000, 10_000, 100_000)
BACKLOG = (100, 1_000, 10_000, 100_000, 1_000_000)
# Texts with which an event's body is about as large as this, up to SQS's former limit.
MESSAGE_BYTES = (500, 1_000, 10_000, 100_000, 256_000)
ANSWERS_IN_A_HUNDRED = (0, 1, 10)
CONVERSATION = (10, 100, 1_000, 10_000, 50_000)
EVENTS = 10_000
CONTACTS = 100
# What all messages of a point may weigh.
_MAX_BYTES = 100_000_000
# A queue of more takes longer to fill than a lease lasts, so that no worker can be paused for it.
_MAX_PAUSED = 100_000
# A million events at a thousand a second, and half as long again.
MAX_SECONDS = 1_500.0
# The numbers of the messages that open conversations before a load begins.
_FIRST = range(1)
# Contacts of no load.
_OTHERS = 10_000_000


def main(console: Console) -> None:
    """Measure, and write after each curve. Raise ProcessError or BenchError."""
    names = _names()
    last = BENCHMARK.read(results.folder())
    curves = dict(last.result.curves) if last else {}
    with running_servers() as servers:
        points = _Points(servers=servers, console=console)
        for name in names:
            curve = measured(command=BENCHMARK.command, measure=partial(CURVES[name], points))
            curves[name] = curve
            growth = Growth(most_seconds=MAX_SECONDS, curves=curves)
            BENCHMARK.write(Run(header=curve.header, result=growth), console=console)
    BENCHMARK.print(growth, console=console)


def _names() -> Sequence[str]:
    """Return the curves that GROWTH_CURVES names, or all. Raise BadSetting."""
    names = os.environ.get("GROWTH_CURVES", "").replace(",", " ").split() or list(CURVES)
    if unknown := set(names) - set(CURVES):
        raise BadSetting(
            f"GROWTH_CURVES has {', '.join(sorted(unknown))}; there are {', '.join(CURVES)}."
        )
    return names


class _Points:
    """Measures points on the same servers, each on a stage of its own."""

    def __init__(self, *, servers: Servers, console: Console) -> None:
        self._servers = servers
        self._console = console

    def under_backlog(
        self, name: str, at: int, load: Load, contender: Contender | None = None
    ) -> Point:
        """Measure a load, with the service as it is or with another contender."""
        # Opening is what a new group costs; elsewhere the conversations are open.
        first = _OTHERS if name == "groups" else load.first_contact
        warm = Load(contacts=min(load.contacts, CONTACTS), numbers=_FIRST, first_contact=first)
        backlog = self._backlog(contender or service(), f"{name}_{at}", load=load, warm=warm)
        found = point(at=at, backlog=backlog)
        self._console.print(
            f"{name} {at:,}: {found.events_per_second:,.0f} events per second, "
            f"{found.cpu_ms_per_event:.2f} ms of CPU each, {found.end_rss_mb:,.0f} MB"
        )
        return found

    def of_closing(self, size: int) -> ClosingPoint:
        """Measure the closing of one conversation of that size."""
        with running_trial(service(), servers=self._servers, name=f"conversation_{size}") as trial:
            found = measure_closing(trial, messages=size, most_seconds=MAX_SECONDS)
        self._console.print(f"closing {size:,} messages: {found.seconds:.2f} seconds")
        return found

    def _backlog(self, contender: Contender, name: str, *, load: Load, warm: Load) -> Backlog:
        if len(load) > _MAX_PAUSED:
            with running_trial(contender, servers=self._servers, name=name, before=load) as trial:
                return run_for(trial, load=load, most_seconds=MAX_SECONDS)
        with running_trial(contender, servers=self._servers, name=name) as trial:
            warm_up(trial, load=warm, most_seconds=MAX_SECONDS)
            return run_backlog(trial, load=load, most_seconds=MAX_SECONDS)


def _messages(events: int, *, contacts: int | None = None) -> Load:
    """Ten or more of each contact, unless the number of contacts is what grows."""
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


CURVES: Mapping[str, Callable[[_Points], list[Point | ClosingPoint]]] = {
    "processes": lambda points: [
        points.under_backlog("processes", at, _messages(EVENTS), service(processes=at))
        for at in PROCESSES
    ],
    "bundle": lambda points: [
        points.under_backlog("bundle", at, _messages(EVENTS), service(WORKER_BUNDLE=str(at)))
        for at in BUNDLE
    ],
    "groups": lambda points: [
        points.under_backlog("groups", at, _messages(EVENTS, contacts=at)) for at in GROUPS
    ],
    "message_bytes": lambda points: [
        points.under_backlog("bytes", at, _of_size(at)) for at in MESSAGE_BYTES
    ],
    "answers_in_a_hundred": lambda points: [
        points.under_backlog("answers", at, _with_answers(at)) for at in ANSWERS_IN_A_HUNDRED
    ],
    "conversation": lambda points: [points.of_closing(size) for size in CONVERSATION],
    "backlog": lambda points: [
        points.under_backlog("backlog", at, _messages(at)) for at in BACKLOG
    ],
}


if __name__ == "__main__":
    sys.exit(exit_status(main))
