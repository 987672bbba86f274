"""The service's workers and beats, which are killed and started again."""

import signal
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from embedded.processes import ManagedProcess, Supervisor
from embedded.service import is_ready, worker_arguments
from tests.chaos.slot import Slot

WORKERS = 3
CONCURRENCY = 2
# The pause between kills. A kill also waits until some worker is ready. Otherwise a slow machine
# would have all its workers killed before they begin to work.
_SECONDS_BETWEEN_POOL_KILLS = 0.2
_SECONDS_BETWEEN_WORKER_KILLS = 2.0
_POLL_SECONDS = 0.05


def _has_ticked(beat: ManagedProcess) -> bool:
    """Whether a beat has read its schedules and sent a task."""
    return "Sending due task" in beat.log_text()


@dataclass(slots=True)
class _Due:
    """The strikes that are due, each with the number that selects the process."""

    pause: float
    choices: deque[int] = field(default_factory=deque)
    not_before: float = 0.0

    def take(self) -> int | None:
        """Return the number of the next strike, or None if none is due or one has just happened."""
        now = time.monotonic()
        if not self.choices or now < self.not_before:
            return None
        self.not_before = now + self.pause
        return self.choices.popleft()


@dataclass(slots=True)
class Fleet:
    """Workers and a beat. Each is started again when it has ended, as by a process supervisor.

    `kills` counts the killed processes by kind, and `terminations` those that got SIGTERM. `exits`
    lists the processes that ended unexpectedly although they were ready. `failed_starts` counts
    processes that ended before they were ready, because a dependency was down. `all_ready` is
    whether all workers were ready when `supervise` was last called.
    """

    processes: Supervisor
    environment: Mapping[str, str]
    logs: Path
    kills: Counter[str] = field(default_factory=Counter)
    terminations: int = 0
    failed_starts: int = 0
    exits: list[str] = field(default_factory=list)
    all_ready: bool = False
    _workers: list[Slot] = field(default_factory=list)
    _beats: list[Slot] = field(default_factory=list)
    _pool_kills: _Due = field(default_factory=lambda: _Due(_SECONDS_BETWEEN_POOL_KILLS))
    _worker_kills: _Due = field(default_factory=lambda: _Due(_SECONDS_BETWEEN_WORKER_KILLS))
    _metrics_removals: _Due = field(default_factory=lambda: _Due(_SECONDS_BETWEEN_POOL_KILLS))

    def start(self) -> None:
        """Start all processes, without waiting until they are ready."""
        for number in range(WORKERS):
            name = f"worker{number}"
            arguments = worker_arguments(concurrency=CONCURRENCY, name=name)
            self._workers.append(self._slot(name, arguments, is_ready))
        self._beats.append(self._beat("beat"))
        for slot in self._slots:
            slot.start()

    def supervise(self) -> None:
        """Restart processes that have ended, after a moment, and carry out strikes that are due."""
        for slot in self._slots:
            if slot.restart_if_ended():
                self._note_end(slot)
        ready = [slot for slot in self._workers if slot.is_running and slot.is_ready]
        self.all_ready = len(ready) == len(self._workers)
        if ready:
            self._strike_due(ready)

    def wait_until_ready(self, *, max_seconds: float) -> None:
        """Supervise the processes until all workers are ready or the time is up."""
        deadline = time.monotonic() + max_seconds
        while not self.all_ready and time.monotonic() < deadline:
            self.supervise()
            time.sleep(_POLL_SECONDS)

    def kill_pool_process(self, choice: int) -> None:
        """Schedule the kill of a pool process of any worker."""
        self._pool_kills.choices.append(choice)

    def kill_worker(self, choice: int) -> None:
        """Schedule the kill of a worker with its pool processes, as if a machine failed."""
        self._worker_kills.choices.append(choice)

    def kill_all_workers(self) -> None:
        for slot in self._workers:
            self._kill(slot, kind="worker")

    def terminate_worker(self, choice: int) -> None:
        """Send SIGTERM to a worker, which is replaced when it has ended, as in a rolling update."""
        self._terminate(self._worker(choice))

    def freeze_worker(self, choice: int) -> None:
        """Freeze a worker and its pool processes."""
        self._worker(choice).signal(signal.SIGSTOP)

    def thaw_worker(self, choice: int) -> None:
        self._worker(choice).signal(signal.SIGCONT)

    def shift_clock(self, choice: int, *, seconds: int) -> None:
        """Replace a worker by one whose clock is shifted by some seconds, possibly 0."""
        self._shift(self._worker(choice), seconds=seconds)

    def shift_all_clocks(self, *, seconds: int) -> None:
        """Replace all workers by ones whose clocks are shifted."""
        for slot in self._workers:
            self._shift(slot, seconds=seconds)

    def shift_beat(self, *, seconds: int) -> None:
        """Replace beat by one whose clock is shifted."""
        self._shift(self._beats[0], seconds=seconds)

    def remove_metrics(self, choice: int) -> None:
        """Schedule the removal of a worker's metrics folder, and the kill of a pool process.

        The pool process of this worker that replaces the killed one cannot open its files.
        """
        self._metrics_removals.choices.append(choice)

    def kill_beat(self) -> None:
        for slot in self._beats:
            self._kill(slot, kind="beat")

    def start_second_beat(self) -> None:
        slot = self._beat("second-beat")
        self._beats.append(slot)
        slot.start()

    def stop_second_beats(self) -> None:
        for slot in self._beats[1:]:
            slot.stop()
        del self._beats[1:]

    def heal(self) -> None:
        """Thaw all workers, correct all clocks, and cancel the kills that are due."""
        for due in (self._worker_kills, self._pool_kills, self._metrics_removals):
            due.choices.clear()
        self.stop_second_beats()
        for slot in self._slots:
            slot.signal(signal.SIGCONT)
            if slot.shift:
                self._shift(slot, seconds=0)

    def stop_beat(self) -> None:
        """Stop all beats for good."""
        for slot in self._beats:
            slot.stop()
        self._beats.clear()

    @property
    def _slots(self) -> list[Slot]:
        return [*self._workers, *self._beats]

    def _worker(self, choice: int) -> Slot:
        return self._workers[choice % len(self._workers)]

    def _slot(
        self, name: str, arguments: list[str], is_process_ready: Callable[[ManagedProcess], bool]
    ) -> Slot:
        return Slot(
            name=name,
            arguments=arguments,
            is_process_ready=is_process_ready,
            processes=self.processes,
            environment=self.environment,
            logs=self.logs,
            temporary=self.processes.temporary_directory(),
        )

    def _beat(self, name: str) -> Slot:
        return self._slot(name, ["beat", "--loglevel", "INFO"], _has_ticked)

    def _note_end(self, slot: Slot) -> None:
        if slot.is_end_expected or slot.process is None:
            return
        if slot.is_ready:
            what_happened = f"ended by itself with status {slot.process.exit_status}"
            self.exits.append(str(slot.process.error(what_happened)))
        else:
            self.failed_starts += 1

    def _strike_due(self, ready: list[Slot]) -> None:
        running = [slot for slot in self._workers if slot.is_running]
        if (choice := self._worker_kills.take()) is not None:
            self._kill(running[choice % len(running)], kind="worker")
        elif (choice := self._metrics_removals.take()) is not None:
            slot = ready[choice % len(ready)]
            slot.remove_metrics()
            self._kill_pool_process(choice, of=[slot])
        elif (choice := self._pool_kills.take()) is not None and not self._kill_pool_process(
            choice, of=self._workers
        ):
            self._pool_kills.choices.appendleft(choice)

    def _kill_pool_process(self, choice: int, *, of: list[Slot]) -> bool:
        """Kill a pool process of these workers. Return whether there was one."""
        children = [(slot, child) for slot in of for child in slot.children()]
        if not children:
            return False
        slot, child = children[choice % len(children)]
        with suppress(psutil.NoSuchProcess):
            child.kill()
            self.kills["pool process"] += 1
            slot.is_end_expected |= not slot.is_ready
        return True

    def _kill(self, slot: Slot, *, kind: str) -> None:
        self.kills[kind] += slot.kill()

    def _terminate(self, slot: Slot) -> None:
        self.terminations += slot.terminate()

    def _shift(self, slot: Slot, *, seconds: int) -> None:
        slot.shift = seconds
        slot.signal(signal.SIGCONT)
        self._terminate(slot)
