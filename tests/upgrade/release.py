"""A release of the service: its folder, its packages, and the processes that it starts."""

import shutil
import sysconfig
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from embedded.environment import with_settings
from embedded.network import free_port
from embedded.processes import Command, ManagedProcess, Supervisor
from embedded.service import PROJECT_ROOT, worker_arguments
from tests.support.scraping import scrape

# What a folder needs to run the service.
_SERVICE = (
    *("apps", "celery_sqs_fifo", "config", "observability", "operations", "tasks"),
    *("manage.py", "pyproject.toml"),
)
_GRACE_SECONDS = 60.0
_PROGRAM_SECONDS = 120.0
_READY_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """A running worker. `metrics_port` is the port of its metrics."""

    process: ManagedProcess
    metrics_port: int

    def received(self) -> int:
        """Return how many messages it has received."""
        return int(scrape(self.metrics_port).value("sqs_fifo_received_total"))

    def deleted(self) -> int:
        """Return how many messages took effect in it and are deleted."""
        return int(scrape(self.metrics_port).value("sqs_fifo_deleted_total"))

    def waits_for_a_dependency(self) -> bool:
        """Whether its circuit is open."""
        page = scrape(self.metrics_port)
        circuits = page.labels_of("sqs_fifo_circuit_open")
        return any(page.value("sqs_fifo_circuit_open", **labels) for labels in circuits)


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A release that can run. `scripts` has the programs of its environment.

    The names of its processes begin with those of their programs and end with `name`.
    """

    name: str
    root: Path
    scripts: Path

    def start_worker(
        self, *, processes: Supervisor, environment: Mapping[str, str], logs: Path, number: int = 1
    ) -> Worker:
        """Start a worker and wait until it is ready. Raises ProcessError if it fails."""
        name, port = f"worker-{self.name}-{number}", free_port()
        settings = {
            **environment,
            "METRICS_PORT": str(port),
            "TMPDIR": str(processes.temporary_directory()),
        }
        process = processes.start(
            command=self._celery(name, worker_arguments(name=name), environment=settings),
            log=logs / f"{name}.log",
        )
        process.wait_until_ready(
            is_ready=lambda: " ready." in process.log_text(), timeout_seconds=_READY_SECONDS
        )
        return Worker(process=process, metrics_port=port)

    def start_beat(
        self, *, processes: Supervisor, environment: Mapping[str, str], logs: Path
    ) -> ManagedProcess:
        """Start beat, without waiting for its first tick."""
        name = f"{self.name}-beat"
        arguments = ["beat", "--loglevel", "INFO"]
        return processes.start(
            command=self._celery(name, arguments, environment=environment),
            log=logs / f"{name}.log",
        )

    def manage(
        self,
        *arguments: str | Path,
        processes: Supervisor,
        environment: Mapping[str, str],
        logs: Path,
    ) -> None:
        """Run `manage.py` to its end. Raises ProcessError if it fails."""
        self.run(
            *("python", "manage.py", *arguments),
            processes=processes,
            environment=environment,
            logs=logs,
        )

    def run(
        self,
        *arguments: str | Path,
        processes: Supervisor,
        environment: Mapping[str, str],
        logs: Path,
    ) -> None:
        """Run a program of this release to its end. Raises ProcessError if it fails."""
        name = f"{self.name}-program"
        processes.run(
            command=self._command(name, arguments, environment=environment),
            log=logs / f"{name}.log",
            timeout_seconds=_PROGRAM_SECONDS,
        )

    def _celery(
        self, name: str, arguments: Sequence[str], *, environment: Mapping[str, str]
    ) -> Command:
        return self._command(name, ["celery", "-A", "config", *arguments], environment=environment)

    def _command(
        self, name: str, arguments: Sequence[str | Path], *, environment: Mapping[str, str]
    ) -> Command:
        program, *others = arguments
        return Command(
            name=name,
            arguments=[self.scripts / program, *others],
            environment=with_settings(environment),
            working_directory=self.root,
            grace_seconds=_GRACE_SECONDS,
        )


def current_release(*, folder: Path) -> Release:
    """Return a copy of this project's service in a folder, with the packages of this environment.

    It is a copy so that a test can add a migration to it.
    """
    for name in _SERVICE:
        source = PROJECT_ROOT / name
        if source.is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(source, folder / name, ignore=ignored)
        else:
            shutil.copy2(source, folder / name)
    return Release(name="new", root=folder, scripts=Path(sysconfig.get_path("scripts")))
