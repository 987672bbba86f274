"""The service's workers and beats, which are killed and started again."""

import os
import signal
import time
from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from embedded.processes import ManagedProcess, Supervisor
from embedded.service import celery_command, is_ready, project_command, worker_arguments

WORKERS = 3
CONCURRENCY = 2
_APP = "config"
_SHIFTED_APP = "tests.chaos.shifted_clock"
_GRACE_SECONDS = 30.0
_RESTART_SECONDS = 1.0
# The pause between kills. A kill also waits until a worker is ready: on a slow machine, all workers
# would be killed before they have begun to work.
_SECONDS_BETWEEN_POOL_KILLS = 0.2
_SECONDS_BETWEEN_WORKER_KILLS = 2.0


def _has_ticked(beat: ManagedProcess) -> bool:
    """Whether a beat has read its schedules and sent a task."""
    return "Sending due task" in beat.log_text()


@dataclass(slots=True)
class _Slot:
    """A worker or a beat that is replaced when it ends. With a `shift`, its clock is wrong."""

    name: str
    arguments: list[str]
    is_process_ready: Callable[[ManagedProcess], bool]
    shift: int = 0
    process: ManagedProcess | None = None
    is_end_expected: bool = False
    ended_at: float = 0.0
    has_been_ready: bool = False

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.is_running

    @property
    def is_ready(self) -> bool:
        """Whether its log shows that it is ready."""
        if not self.has_been_ready and self.process is not None:
            self.has_been_ready = self.is_process_ready(self.process)
        return self.has_been_ready


@dataclass(slots=True)
class _Due:
    """Kills that are due. A choice selects the process."""

    pause: float
    choices: deque[int] = field(default_factory=deque)
    not_before: float = 0.0

    def take(self) -> int | None:
        """Return the next choice; None if there is none or the last kill was a moment ago."""
        now = time.monotonic()
        if not self.choices or now < self.not_before:
            return None
        self.not_before = now + self.pause
        return self.choices.popleft()


@dataclass(slots=True)
class Fleet:
    """Workers and a beat. Each is started again when it has ended, as by a process supervisor.

    `kills` counts the killed processes by kind. `exits` are the unexpected ends of ready processes,
    `failed_starts` counts those of processes that were not ready yet: a dependency was down.
    """

    processes: Supervisor
    environment: dict[str, str]
    logs: Path
    kills: Counter[str] = field(default_factory=Counter)
    terminations: int = 0
    failed_starts: int = 0
    exits: list[str] = field(default_factory=list)
    _workers: list[_Slot] = field(default_factory=list)
    _beats: list[_Slot] = field(default_factory=list)
    _pool_kills: _Due = field(default_factory=lambda: _Due(_SECONDS_BETWEEN_POOL_KILLS))
    _worker_kills: _Due = field(default_factory=lambda: _Due(_SECONDS_BETWEEN_WORKER_KILLS))

    def start(self) -> None:
        """Start all processes, without waiting until they are ready."""
        for number in range(WORKERS):
            name = f"worker{number}"
            arguments = worker_arguments(concurrency=CONCURRENCY, name=name)
            self._workers.append(_Slot(name, arguments, is_ready))
        self._beats.append(_Slot("beat", ["beat", "--loglevel", "INFO"], _has_ticked))
        for slot in self._slots:
            self._start(slot)

    def supervise(self) -> None:
        """Restart processes that have ended, after a moment, and kill those that are due."""
        for slot in self._slots:
            if slot.process is None or slot.process.is_running:
                continue
            if not slot.ended_at:
                slot.ended_at = time.monotonic()
                self._note_end(slot, slot.process)
            elif time.monotonic() > slot.ended_at + _RESTART_SECONDS:
                self._start(slot)
        if any(slot.is_running and slot.is_ready for slot in self._workers):
            self._kill_due()

    def _note_end(self, slot: _Slot, process: ManagedProcess) -> None:
        if slot.is_end_expected:
            return
        if slot.is_ready:
            self.exits.append(str(process.error(_ended(process))))
        else:
            self.failed_starts += 1

    def are_ready(self) -> bool:
        """Whether every worker is ready."""
        return all(slot.is_ready for slot in self._workers)

    def kill_pool_process(self, choice: int) -> None:
        """Kill a pool process of any worker soon.

        A worker that does not consume yet ends then: Celery logs "Could not start worker
        processes". It is started again.
        """
        self._pool_kills.choices.append(choice)

    def kill_worker(self, choice: int) -> None:
        """Kill a worker and its pool processes soon, as the failure of a machine does."""
        self._worker_kills.choices.append(choice)

    def kill_all_workers(self) -> None:
        for slot in self._workers:
            self._kill(slot, kind="worker")

    def terminate_worker(self, choice: int) -> None:
        """Send SIGTERM to a worker, which is replaced when it has ended, as in a rolling update."""
        slot = self._workers[choice % len(self._workers)]
        if slot.process is not None and slot.process.is_running:
            slot.is_end_expected = True
            self.terminations += 1
            os.kill(slot.process.pid, signal.SIGTERM)

    def freeze_worker(self, choice: int) -> None:
        """Freeze a worker and its pool processes."""
        self._signal(self._workers[choice % len(self._workers)], signal.SIGSTOP)

    def thaw_worker(self, choice: int) -> None:
        self._signal(self._workers[choice % len(self._workers)], signal.SIGCONT)

    def shift_clock(self, choice: int, *, seconds: int) -> None:
        """Replace a worker by one whose clock is shifted; with 0, by one with the right time."""
        slot = self._workers[choice % len(self._workers)]
        slot.shift = seconds
        self._signal(slot, signal.SIGCONT)
        self.terminate_worker(choice)

    def kill_beat(self) -> None:
        for slot in self._beats:
            self._kill(slot, kind="beat")

    def start_second_beat(self) -> None:
        slot = _Slot("second-beat", ["beat", "--loglevel", "INFO"], _has_ticked)
        self._beats.append(slot)
        self._start(slot)

    def stop_second_beats(self) -> None:
        for slot in self._beats[1:]:
            if slot.process is not None:
                slot.process.stop()
        del self._beats[1:]

    def heal(self) -> None:
        """Thaw all workers, give them the right time, and cancel all kills."""
        self._pool_kills.choices.clear()
        self._worker_kills.choices.clear()
        self.stop_second_beats()
        for number, slot in enumerate(self._workers):
            self._signal(slot, signal.SIGCONT)
            if slot.shift:
                self.shift_clock(number, seconds=0)

    def stop_beat(self) -> None:
        """Stop all beats for good."""
        for slot in self._beats:
            if slot.process is not None:
                slot.process.stop()
        self._beats.clear()

    def _kill_due(self) -> None:
        running = [slot for slot in self._workers if slot.is_running]
        if (choice := self._worker_kills.take()) is not None:
            self._kill(running[choice % len(running)], kind="worker")
        elif (choice := self._pool_kills.take()) is not None:
            self._kill_pool_process(choice)

    def _kill_pool_process(self, choice: int) -> None:
        children = [(slot, child) for slot in self._workers for child in _children(slot.process)]
        if not children:
            self._pool_kills.choices.appendleft(choice)
            return
        slot, child = children[choice % len(children)]
        with suppress(psutil.NoSuchProcess):
            child.kill()
            self.kills["pool process"] += 1
            slot.is_end_expected |= not slot.is_ready

    @property
    def _slots(self) -> list[_Slot]:
        return [*self._workers, *self._beats]

    def _start(self, slot: _Slot) -> None:
        settings = dict(self.environment)
        if slot.shift:
            settings["CHAOS_CLOCK_SHIFT"] = str(slot.shift)
        app = _SHIFTED_APP if slot.shift else _APP
        slot.is_end_expected = False
        slot.has_been_ready = False
        slot.ended_at = 0.0
        slot.process = self.processes.start(
            command=project_command(
                slot.name,
                celery_command(*slot.arguments, app=app),
                environment=settings,
                grace_seconds=_GRACE_SECONDS,
            ),
            log=self.logs / f"{slot.name}.log",
        )

    def _kill(self, slot: _Slot, *, kind: str) -> None:
        if slot.process is not None and slot.process.is_running:
            slot.is_end_expected = True
            slot.process.kill()
            self.kills[kind] += 1

    def _signal(self, slot: _Slot, number: signal.Signals) -> None:
        if slot.process is not None and slot.process.is_running:
            os.killpg(slot.process.pid, number)


def _children(process: ManagedProcess | None) -> list[psutil.Process]:
    if process is None or not process.is_running:
        return []
    try:
        return psutil.Process(process.pid).children()
    except psutil.NoSuchProcess:
        return []


def _ended(process: ManagedProcess) -> str:
    return f"ended by itself with status {process.exit_status}"
