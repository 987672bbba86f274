"""The four subjects: which processes each is, and what it takes events as."""

import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from bench.common.chat import ChatEvent
from bench.common.process_tree import cpu_seconds, resident_megabytes
from bench.common.subjects import PROJECT_ROOT
from bench.event_cost.bare_loop import READY
from bench.event_cost.stages import Stage
from bench.event_cost.stock_encoding import QUEUE, StockEncoder
from embedded.environment import with_settings
from embedded.processes import Command, ManagedProcess, supervisor

PROCESSES = 2
_READY_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """A subject: the arguments of Python for each of its processes, and how events are encoded.

    `settings` are added to those of the stage that it runs on.
    """

    name: str
    title: str
    commands: Sequence[Sequence[str]]
    encoder: Callable[[], Callable[[ChatEvent], ChatEvent]]
    settings: Mapping[str, str] = field(default_factory=dict)


class Running:
    """Its running processes."""

    def __init__(self, *, processes: Sequence[ManagedProcess]) -> None:
        self._processes = processes
        self._roots = [process.pid for process in processes]

    def cpu_seconds(self) -> float:
        """What they and their children have used so far."""
        return cpu_seconds(self._roots)

    def resident_megabytes(self) -> float:
        """What they and their children hold now."""
        return resident_megabytes(self._roots)

    def check(self) -> None:
        """Raises ProcessError if one has ended."""
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
    """Its processes, ready to take events; stopped at the end. Raises ProcessError."""
    with supervisor() as supervised:
        processes = [
            supervised.start(
                command=Command(
                    name=f"{stage.name}-{number}",
                    arguments=[sys.executable, *arguments],
                    environment=with_settings({**stage.environment, **contender.settings}),
                    working_directory=PROJECT_ROOT,
                    grace_seconds=20.0,
                ),
                log=stage.servers.directory / f"{stage.name}-{number}.log",
            )
            for number, arguments in enumerate(contender.commands)
        ]
        for process in processes:
            _wait_until_ready(process)
        yield Running(processes=processes)


def service(*, processes: int = PROCESSES, **settings: str) -> Contender:
    """This service's worker with so many pool processes, and with more settings."""
    return Contender(
        name="service",
        title="this service",
        commands=[_celery("config", processes)],
        encoder=lambda: _raw,
        settings=settings,
    )


def contenders() -> list[Contender]:
    """All four, each with the same number of processes that do the work."""
    return [
        service(),
        Contender(
            name="stock",
            title="stock Celery",
            commands=[_celery("bench.event_cost.stock_service", PROCESSES)],
            encoder=StockEncoder,
        ),
        Contender(
            name="floor",
            title="bare loop",
            commands=[["-m", "bench.event_cost.bare_loop"]] * PROCESSES,
            encoder=lambda: _raw,
        ),
        Contender(
            name="limit",
            title="bare loop, in tens",
            commands=[["-m", "bench.event_cost.bare_loop", "--together"]] * PROCESSES,
            encoder=lambda: _raw,
        ),
    ]


def _celery(app: str, processes: int) -> list[str]:
    arguments = ["-m", "celery", "-A", app, "worker", "-Q", QUEUE]
    return [*arguments, "--concurrency", str(processes), "--loglevel", "INFO"]


def _raw(event: ChatEvent) -> ChatEvent:
    return event


def _wait_until_ready(process: ManagedProcess) -> None:
    process.wait_until_ready(
        is_ready=lambda: f" {READY}" in process.log_text(), timeout_seconds=_READY_SECONDS
    )
