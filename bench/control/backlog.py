"""One backlog through one worker, while something is done to the control broker."""

import os
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import valkey

from bench.common.process_tree import cpu_seconds
from bench.common.steps import STEPS
from bench.common.subjects import Fifo, make_events
from bench.control.result import Backlog
from bench.transport.order import done, order_of, repeated
from embedded.processes import Supervisor
from embedded.valkey import ValkeyServer, start_valkey
from testbed.journal import Line
from testbed.sqs import SqsServer

_POLL_SECONDS = 0.05
_MOST_SECONDS = 60.0


def leave(_server: ValkeyServer) -> None:
    """Nothing happens to the broker."""


def freeze(server: ValkeyServer) -> None:
    """It accepts connections and answers nobody."""
    os.killpg(server.process.pid, signal.SIGSTOP)


def kill(server: ValkeyServer) -> None:
    """Its connections are closed, and new ones are refused."""
    server.process.kill()


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A variant to be measured: with a control broker or without, and what is done to it."""

    name: str
    has_broker: bool
    strike: Callable[[ValkeyServer], None] = leave


KINDS: Sequence[Kind] = (
    Kind(name="no control broker", has_broker=False),
    Kind(name="events on", has_broker=True),
    Kind(name="broker frozen midway", has_broker=True, strike=freeze),
    Kind(name="broker killed midway", has_broker=True, strike=kill),
)


class ControlledFifo(Fifo):
    """This project's transport, with a control broker if there is one."""

    control_url = ""

    def _environment(self) -> dict[str, str]:
        return {**super()._environment(), "CONTROL_URL": self.control_url}


def run_backlog(
    *,
    kind: Kind,
    server: SqsServer,
    processes: Supervisor,
    directory: Path,
    concurrency: int,
    events: int,
    groups: int,
) -> Backlog:
    """Fill a fresh queue, start a worker, strike when half is done; nothing runs afterwards."""
    subject = ControlledFifo(
        server=server, processes=processes, directory=directory, concurrency=concurrency
    )
    broker = start_valkey(supervisor=processes, logs=directory)
    broker.wait_until_ready()
    subject.control_url = broker.url if kind.has_broker else ""
    sent = make_events(groups=groups, numbers=range(events // groups), seconds=0)
    subject.send(sent)
    worker = subject.start_worker()
    subject.wait_until_ready()
    cpu_at_start = cpu_seconds([worker.pid])
    _wait_until_left(subject, most=events // 2)
    kind.strike(broker)
    _wait_until_left(subject, most=0)
    cpu = cpu_seconds([worker.pid]) - cpu_at_start
    subject.kill_worker()
    publishes = _publishes(broker) if kind.strike is leave else 0
    _end(broker)
    lines = subject.journal()
    in_effect = len(done(lines))
    left, dead_letters = subject.left_on_queue(), subject.dead_letters()
    return Backlog(
        sent=len(sent),
        done=in_effect,
        lost=0 if left else len(sent) - in_effect - dead_letters,
        repeated=repeated(lines),
        dead_letters=dead_letters,
        seconds=_seconds(lines, share=1.0),
        late_seconds=_seconds(lines, share=0.5),
        cpu_seconds=cpu,
        publishes=publishes,
        order=order_of(lines),
    )


def _wait_until_left(subject: Fifo, *, most: int) -> None:
    deadline = time.monotonic() + _MOST_SECONDS
    while subject.left_on_queue() > most and subject.is_running and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)


def _publishes(broker: ValkeyServer) -> int:
    with valkey.Valkey.from_url(broker.url) as client:
        commands = client.info("commandstats")
    return int(commands.get("cmdstat_publish", {}).get("calls", 0))


def _end(broker: ValkeyServer) -> None:
    """A frozen process does not hear that it is to stop."""
    broker.process.kill()


def _seconds(lines: Sequence[Line], *, share: float) -> float:
    """How long the last share of the events took, all of them from the first step's beginning."""
    ends = [line.at for line in lines if line.verb == "did" and line.step == STEPS[-1]]
    if not ends:
        return 0.0
    begin = lines[0].at if share == 1 else ends[int(len(ends) * (1 - share))]
    return (ends[-1] - begin) / 1e9
