"""An upgrade under load, with the steps in the right order, in a wrong one, and undone."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from embedded.processes import ManagedProcess
from testbed.checker.dead_letters import quarantined
from testbed.checker.report import Defect
from testbed.traffic.stream import Stream
from tests.chaos.draining import drain
from tests.chaos.load import Load
from tests.chaos.preparing import add_projects, speed_up
from tests.chaos.service_servers import ServiceServers
from tests.upgrade.release import Release, Worker

# How many messages a worker must delete in each phase.
MESSAGES = 40
_RATE = 25
_SEED = 20
_POLL_SECONDS = 0.5
_MAX_PHASE_SECONDS = 120.0
_MAX_DRAIN_SECONDS = 240.0
_MAX_EVENTS = 100_000
_TIMED_PROJECT_CLOSES_AFTER = timedelta(seconds=20)


@dataclass(slots=True, kw_only=True)
class Observed:
    """What happened in an upgrade. The other numbers are messages that a worker deleted.

    `early_log` is the log of the new worker at the end of the time without the migrations.
    """

    old_before: int = 0
    old_beside_early: int = 0
    early_received: int = 0
    early_log: str = ""
    old_during_migration: int = 0
    new_beside_old: int = 0
    old_beside_new: int = 0
    new_alone: int = 0
    old_after_rollback: int = 0
    new_again: int = 0
    events: int = 0
    defects: list[Defect] = field(default_factory=list)
    wrongly_quarantined: int = 0


@dataclass(slots=True, kw_only=True)
class Deployment:
    """The workers and the beat of one release or of two, on the servers of a run."""

    servers: ServiceServers
    _running: list[ManagedProcess] = field(default_factory=list)

    @property
    def all_ready(self) -> bool:
        """Whether all workers are ready: always, because each start waits for that."""
        return True

    def supervise(self) -> None:
        """Raise ProcessError if a process has ended by itself."""
        for process in self._running:
            process.check()

    def stop_beat(self) -> None:
        """Stop the beat that runs."""
        for process in [one for one in self._running if one.name.endswith("-beat")]:
            self.stop(process)

    def manage(self, release: Release, *arguments: str) -> None:
        """Run `manage.py` of a release to its end."""
        release.manage(
            *arguments,
            processes=self.servers.processes,
            environment=self._environment,
            logs=self.servers.logs,
        )

    def start_worker(self, release: Release, *, number: int = 1) -> Worker:
        """Start a worker of a release and wait until it is ready."""
        worker = release.start_worker(
            processes=self.servers.processes,
            environment=self._environment,
            logs=self.servers.logs,
            number=number,
        )
        self._running.append(worker.process)
        return worker

    def start_beat(self, release: Release) -> None:
        """Start beat of a release."""
        beat = release.start_beat(
            processes=self.servers.processes,
            environment=self._environment,
            logs=self.servers.logs,
        )
        self._running.append(beat)

    def stop(self, process: ManagedProcess) -> None:
        """Stop a process as an operator does, and wait for its end."""
        self._running.remove(process)
        process.stop()

    def work_of(self, worker: Worker, *, since: int | None = None) -> int:
        """Wait until a worker has deleted enough messages since a count, by default since now.

        Return how many it has deleted. They are fewer if the time of a phase is over, so that the
        caller can record what is wrong.
        """
        before = worker.deleted() if since is None else since
        self.wait_until(lambda: worker.deleted() >= before + MESSAGES)
        return worker.deleted() - before

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Wait until a condition is true, at most for the time of a phase."""
        deadline = time.monotonic() + _MAX_PHASE_SECONDS
        while not condition() and time.monotonic() < deadline:
            self.supervise()
            time.sleep(_POLL_SECONDS)

    @property
    def _environment(self) -> dict[str, str]:
        # An idle worker ends when its long poll has ended.
        return {**self.servers.environment, "SQS_POLL_SECONDS": "2"}


def upgrade(*, servers: ServiceServers, old: Release, new: Release) -> Observed:
    """Upgrade, go back and upgrade again under load. Then drain, and check all effects."""
    deployment = Deployment(servers=servers)
    seen = Observed()
    with load_on(deployment, release=old) as load:
        _upgrade(deployment, old=old, new=new, seen=seen)
    drain(servers=servers, fleet=deployment, max_seconds=_MAX_DRAIN_SECONDS)
    seen.events = len(load.sent)
    stores, seen.defects = servers.find_defects(sent=load.sent)
    seen.wrongly_quarantined = len(quarantined(sent=load.sent, stores=stores))
    return seen


@contextmanager
def load_on(deployment: Deployment, *, release: Release) -> Iterator[Load]:
    """Install a release, without starting its processes, and send events while the block runs."""
    servers = deployment.servers
    deployment.manage(release, "migrate", "--no-input")
    deployment.manage(release, "provision")
    speed_up(database_url=servers.database_url)
    begins = datetime.now(UTC)
    stream = Stream(seed=_SEED, start=begins, rate=_RATE)
    add_projects(
        servers=servers,
        population=stream.population,
        begins=begins,
        closes_timed_at=begins + _TIMED_PROJECT_CLOSES_AFTER,
    )
    load = Load(servers=servers, events=stream, begun_at=time.monotonic(), max_events=_MAX_EVENTS)
    with load.running():
        yield load


def _upgrade(deployment: Deployment, *, old: Release, new: Release, seen: Observed) -> None:
    deployment.start_beat(old)
    first = deployment.start_worker(old)
    seen.old_before = deployment.work_of(first)

    # The wrong order: a new worker before the migrations.
    second = deployment.start_worker(new)
    deployment.wait_until(lambda: "probe_failed" in second.process.log_text())
    seen.old_beside_early = deployment.work_of(first)
    seen.early_received, seen.early_log = second.received(), second.process.log_text()

    # The order of the runbook: the migrations while old workers work, then new workers beside them.
    before = first.deleted()
    deployment.manage(new, "migrate", "--no-input")
    seen.old_during_migration = first.deleted() - before
    deployment.manage(new, "provision")
    speed_up(database_url=deployment.servers.database_url)
    before = first.deleted()
    seen.new_beside_old = deployment.work_of(second)
    seen.old_beside_new = deployment.work_of(first, since=before)
    deployment.stop(first.process)
    deployment.stop_beat()
    deployment.start_beat(new)
    seen.new_alone = deployment.work_of(second)

    # Back, in the opposite order.
    deployment.stop_beat()
    deployment.start_beat(old)
    third = deployment.start_worker(old, number=2)
    deployment.stop(second.process)
    seen.old_after_rollback = deployment.work_of(third)

    # And forward again.
    fourth = deployment.start_worker(new, number=2)
    deployment.stop(third.process)
    deployment.stop_beat()
    deployment.start_beat(new)
    seen.new_again = deployment.work_of(fourth)
