"""A running subject: its processes, its stage, the events sent to it, and what it has stored."""

import os
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from bench.common.chat import ChatEvent
from bench.common.process_tree import cpu_seconds, resident_megabytes
from bench.common.servers import Servers, Stage
from embedded.processes import ManagedProcess, supervisor
from embedded.service import celery_command, is_ready, project_command, worker_arguments
from testbed.dynamodb.accounts import Write

PROCESSES = 2
_READY_SECONDS = 60.0

Encoder = Callable[[ChatEvent], ChatEvent]


def unchanged(event: ChatEvent) -> ChatEvent:
    """Return the event itself, whose body is JSON."""
    return event


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """A subject: the commands of its processes, and the encoder of its events.

    `settings` are added to those of its stage.
    """

    name: str
    title: str
    commands: Sequence[Sequence[str | Path]]
    encoder: Callable[[], Encoder] = lambda: unchanged
    settings: Mapping[str, str] = field(default_factory=dict)


def service(*, processes: int = PROCESSES, **settings: str) -> Contender:
    """Return this service's worker with that many pool processes and these settings."""
    return Contender(
        name="service",
        title="this service",
        commands=[celery_command(*worker_arguments(concurrency=processes))],
        settings=settings,
    )


class Running:
    """The running processes of a subject."""

    def __init__(self, *, processes: Sequence[ManagedProcess]) -> None:
        self._processes = processes
        self._roots = [process.pid for process in processes]

    def cpu_seconds(self) -> float:
        """Return the CPU time that they and their children have used so far."""
        return cpu_seconds(self._roots)

    def resident_megabytes(self) -> float:
        """Return the resident memory of them and their children."""
        return resident_megabytes(self._roots)

    def check(self) -> None:
        """Raise ProcessError if a process has ended."""
        for process in self._processes:
            if not process.is_running:
                raise process.error("ended")

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Stop the processes (SIGSTOP) while the block runs."""
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
    """Run the processes of a subject. Raises ProcessError if one does not become ready."""
    with supervisor() as supervised:
        processes = [
            supervised.start(
                command=project_command(
                    f"{stage.name}-{number}",
                    command,
                    environment={**stage.environment, **contender.settings},
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
    """A running subject on its stage."""

    contender: Contender
    stage: Stage
    running: Running

    def fill(self, events: Iterable[ChatEvent]) -> None:
        """Send events to the subject."""
        self.stage.queue.fill(map(self.contender.encoder(), events))

    def stored(self) -> int:
        """Return how many messages the subject has stored, repetitions included."""
        return self.stage.servers.dynamodb.count_writes(table=self.stage.table)

    def writes(self, *, since: int) -> list[Write]:
        """Return the stored messages, without the first `since`."""
        return self.stage.servers.dynamodb.writes(table=self.stage.table)[since:]

    def is_done(self, *, stored: int) -> bool:
        """Whether at least `stored` messages are stored and the queue is empty."""
        return self.stored() >= stored and not self.stage.queue.size()


@contextmanager
def running_trial(
    contender: Contender, *, servers: Servers, name: str, before: Iterable[ChatEvent] = ()
) -> Iterator[Trial]:
    """Run a subject on a new stage with this name.

    The events of `before` are on its queue when it starts. Raises ProcessError.
    """
    with servers.stage(name) as stage:
        stage.queue.fill(map(contender.encoder(), before))
        with running_contender(contender, stage=stage) as running:
            yield Trial(contender=contender, stage=stage, running=running)
