"""A subject at work: its processes, where it runs, what it is sent, and what it has stored."""

import os
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from bench.common.chat import ChatEvent
from bench.common.process_tree import cpu_seconds, resident_megabytes
from bench.common.results import PROJECT_ROOT
from bench.common.servers import Servers, Stage
from bench.common.subjects import is_ready
from bench.common.workers import QUEUE, worker_command
from embedded.environment import with_settings
from embedded.processes import Command, ManagedProcess, supervisor
from testbed.dynamodb.accounts import Write

PROCESSES = 2
_READY_SECONDS = 60.0

Encoder = Callable[[ChatEvent], ChatEvent]


def as_it_is(event: ChatEvent) -> ChatEvent:
    """Encode an event as its JSON."""
    return event


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """A subject: the commands of its processes, and how events are encoded for it.

    `settings` are added to those of the stage that it runs on.
    """

    name: str
    title: str
    commands: Sequence[Sequence[str | Path]]
    encoder: Callable[[], Encoder] = lambda: as_it_is
    settings: Mapping[str, str] = field(default_factory=dict)


def service(*, processes: int = PROCESSES, **settings: str) -> Contender:
    """Return this service's worker with so many pool processes, and with more settings."""
    return Contender(
        name="service",
        title="this service",
        commands=[worker_command(app="config", queue=QUEUE, processes=processes)],
        settings=settings,
    )


class Running:
    """The running processes of a subject."""

    def __init__(self, *, processes: Sequence[ManagedProcess]) -> None:
        self._processes = processes
        self._roots = [process.pid for process in processes]

    def cpu_seconds(self) -> float:
        """Return what they and their children have used so far."""
        return cpu_seconds(self._roots)

    def resident_megabytes(self) -> float:
        """Return what they and their children hold now."""
        return resident_megabytes(self._roots)

    def check(self) -> None:
        """Raise ProcessError if one has ended."""
        for process in self._processes:
            if not process.is_running:
                raise process.error("ended")

    @contextmanager
    def paused(self) -> Iterator[None]:
        """They do nothing while the block runs."""
        self._signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        for root in self._roots:
            with suppress(ProcessLookupError):
                os.killpg(root, number)


@contextmanager
def running_contender(contender: Contender, *, stage: Stage) -> Iterator[Running]:
    """Run its processes, ready to take events; they are stopped at the end. Raise ProcessError."""
    with supervisor() as supervised:
        processes = [
            supervised.start(
                command=Command(
                    name=f"{stage.name}-{number}",
                    arguments=command,
                    environment=with_settings({**stage.environment, **contender.settings}),
                    working_directory=PROJECT_ROOT,
                    grace_seconds=20.0,
                ),
                log=stage.servers.directory / f"{stage.name}-{number}.log",
            )
            for number, command in enumerate(contender.commands)
        ]
        for process in processes:
            process.wait_until_ready(
                is_ready=partial(is_ready, process), timeout_seconds=_READY_SECONDS
            )
        yield Running(processes=processes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A running subject on a stage of its own."""

    contender: Contender
    stage: Stage
    running: Running

    def fill(self, events: Iterable[ChatEvent]) -> None:
        """Put events on its queue."""
        self.stage.queue.fill(map(self.contender.encoder(), events))

    def stored(self) -> int:
        """Return how many messages it has stored, repeated ones included."""
        return self.stage.servers.dynamodb.count_writes(table=self.stage.table)

    def writes(self, *, since: int) -> list[Write]:
        """Return them, without the first so many."""
        return self.stage.servers.dynamodb.writes(table=self.stage.table)[since:]

    def is_done(self, *, stored: int) -> bool:
        """Whether it has stored so many and its queue is empty."""
        return self.stored() >= stored and not self.stage.queue.size()


@contextmanager
def running_trial(
    contender: Contender, *, servers: Servers, name: str, before: Iterable[ChatEvent] = ()
) -> Iterator[Trial]:
    """Run the subject on a fresh stage of that name, ready to take events.

    The events of `before` are on its queue when it starts. Raise ProcessError.
    """
    with servers.stage(name) as stage:
        stage.queue.fill(map(contender.encoder(), before))
        with running_contender(contender, stage=stage) as running:
            yield Trial(contender=contender, stage=stage, running=running)
