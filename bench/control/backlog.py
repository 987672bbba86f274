"""Measures a worker with a backlog, while the control broker runs, is frozen or is killed."""

import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import valkey

from bench.common.journal import done, order_of, repeated, seconds
from bench.common.process_tree import cpu_seconds
from bench.common.subjects import FIFO, Site, Subject, make_events
from bench.control.result import Backlog
from embedded.servers import Server
from embedded.valkey import start_valkey

_MAX_SECONDS = 60.0


def freeze(server: Server) -> None:
    """Freeze the broker, which still accepts connections but answers nothing."""
    os.killpg(server.process.pid, signal.SIGSTOP)


def kill(server: Server) -> None:
    """Kill the broker, which closes its connections and refuses new ones."""
    server.process.kill()


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A variant of the benchmark: with or without a control broker, which may have a fault."""

    name: str
    has_broker: bool
    strike: Callable[[Server], None] | None = None


KINDS: Sequence[Kind] = (
    Kind(name="no control broker", has_broker=False),
    Kind(name="events on", has_broker=True),
    Kind(name="broker frozen midway", has_broker=True, strike=freeze),
    Kind(name="broker killed midway", has_broker=True, strike=kill),
)


def run_backlog(*, kind: Kind, site: Site, events: int, groups: int) -> Backlog:
    """Fill a new queue and start a worker. Cause the fault when half of the events are done."""
    broker = start_valkey(supervisor=site.processes, logs=site.directory)
    broker.wait_until_ready()
    control_url = broker.url if kind.has_broker else ""
    subject = Subject(FIFO, site=site, environment={"CONTROL_URL": control_url})
    sent = make_events(groups=groups, numbers=range(events // groups), seconds=0)
    subject.send(sent)
    worker = subject.start_worker()
    subject.wait_until_ready()
    cpu_at_start = cpu_seconds([worker.pid])
    subject.wait_until_left(events // 2, max_seconds=_MAX_SECONDS)
    if kind.strike:
        kind.strike(broker)
    subject.wait_until_left(0, max_seconds=_MAX_SECONDS)
    cpu = cpu_seconds([worker.pid]) - cpu_at_start
    subject.kill_worker()
    publishes = 0 if kind.strike else _publishes(broker)
    # A frozen process would not end at a SIGTERM.
    broker.process.kill()
    lines = subject.journal()
    in_effect = len(done(lines))
    left, dead_letters = subject.left_on_queue(), subject.dead_letters()
    return Backlog(
        sent=len(sent),
        done=in_effect,
        lost=0 if left else len(sent) - in_effect - dead_letters,
        repeated=repeated(lines),
        dead_letters=dead_letters,
        seconds=seconds(lines),
        late_seconds=seconds(lines, share=0.5),
        cpu_seconds=cpu,
        publishes=publishes,
        order=order_of(lines),
    )


def _publishes(broker: Server) -> int:
    with valkey.Valkey.from_url(broker.url) as client:
        commands = client.info("commandstats")
    return int(commands.get("cmdstat_publish", {}).get("calls", 0))
