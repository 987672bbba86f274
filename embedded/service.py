"""Starts the service's own processes on an embedded stack.

The processes are started with the commands in the README. Other commands for the same program could
hide a mistake: `python -m` puts the working directory on `sys.path`, but the `celery` script does
not.
"""

import sys
import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path

from embedded.environment import with_settings
from embedded.network import LOOPBACK, free_port
from embedded.processes import Command, ManagedProcess, supervisor
from embedded.servers import Server, answers_http

PROJECT_ROOT = Path(__file__).resolve().parent.parent
QUEUE = "conversations.fifo"
_SCRIPTS = Path(sysconfig.get_path("scripts"))
_MANAGE_TIMEOUT_SECONDS = 120.0
_READY_TIMEOUT_SECONDS = 60.0
_GRACE_SECONDS = 20.0


def celery_command(*arguments: str, app: str = "config") -> list[str | Path]:
    """Return the command `celery -A APP ARGUMENT…`, with the script of this environment."""
    return [_SCRIPTS / "celery", "-A", app, *arguments]


def worker_arguments(*, queue: str = QUEUE, concurrency: int = 2, name: str = "") -> list[str]:
    """Return the arguments of `celery -A APP` for a worker with that many pool processes."""
    arguments = ["worker", "-Q", queue, "--concurrency", str(concurrency), "--loglevel", "INFO"]
    return [*arguments, "--hostname", f"{name}@%h"] if name else arguments


def is_ready(worker: ManagedProcess) -> bool:
    """Whether a Celery worker has logged that it consumes: "celery@host ready."."""
    return " ready." in worker.log_text()


def run_manage(*, arguments: Sequence[str], environment: Mapping[str, str], logs: Path) -> None:
    """Run `manage.py` to its end. Raises ProcessError, with its output, if it fails."""
    name = f"manage-{arguments[0]}"
    command = [sys.executable, "manage.py", *arguments]
    with _running(name, command, environment=environment, logs=logs) as process:
        process.wait_until_done(timeout_seconds=_MANAGE_TIMEOUT_SECONDS)


def prepare(*, environment: Mapping[str, str], logs: Path) -> None:
    """Migrate the database and create the queues and the table, unless that is done already."""
    run_manage(arguments=["migrate", "--no-input"], environment=environment, logs=logs)
    run_manage(arguments=["provision"], environment=environment, logs=logs)


@contextmanager
def running_worker(
    *,
    environment: Mapping[str, str],
    logs: Path,
    concurrency: int = 2,
    name: str = "worker",
    app: str = "config",
) -> Iterator[ManagedProcess]:
    """Run a Celery worker that consumes the queue, and stop it warmly when the block is left.

    `name` is unique on this machine, `app` is the module that has the Celery app. Raises
    ProcessError if the worker does not become ready.
    """
    arguments = worker_arguments(concurrency=concurrency, name=name)
    command = celery_command(*arguments, app=app)
    with _running(name, command, environment=environment, logs=logs) as worker:
        worker.wait_until_ready(
            is_ready=partial(is_ready, worker), timeout_seconds=_READY_TIMEOUT_SECONDS
        )
        yield worker


def running_beat(
    *, environment: Mapping[str, str], logs: Path, app: str = "config"
) -> AbstractContextManager[ManagedProcess]:
    """Run Celery's scheduler, without waiting for its first tick."""
    command = celery_command("beat", "--loglevel", "INFO", app=app)
    return _running("beat", command, environment=environment, logs=logs)


def running_web(*, environment: Mapping[str, str], logs: Path) -> AbstractContextManager[Server]:
    """Run gunicorn with the admin site. Raises ProcessError if it does not become ready."""
    port = free_port()
    options = ["--config", "python:config.webserver", "--bind", f"{LOOPBACK}:{port}"]
    command: list[str | Path] = [_SCRIPTS / "gunicorn", *options, "config.wsgi"]
    return _running_pages(
        "web", command, environment=environment, logs=logs, port=port, probe="/admin/login/"
    )


def running_flower(*, environment: Mapping[str, str], logs: Path) -> AbstractContextManager[Server]:
    """Run Flower. Raises ProcessError if it does not become ready."""
    port = free_port()
    command = celery_command("flower", f"--address={LOOPBACK}", f"--port={port}")
    return _running_pages(
        "flower", command, environment=environment, logs=logs, port=port, probe="/healthcheck"
    )


def running_module(
    *, name: str, arguments: Sequence[str], environment: Mapping[str, str], logs: Path
) -> AbstractContextManager[ManagedProcess]:
    """Run `python -m` with these arguments, without waiting for anything."""
    command = [sys.executable, "-m", *arguments]
    return _running(name, command, environment=environment, logs=logs)


@contextmanager
def _running_pages(
    name: str,
    command: Sequence[str | Path],
    *,
    environment: Mapping[str, str],
    logs: Path,
    port: int,
    probe: str,
) -> Iterator[Server]:
    with _running(name, command, environment=environment, logs=logs) as process:
        server = Server(
            process=process,
            url=f"http://{LOOPBACK}:{port}",
            is_ready=partial(answers_http, port=port, path=probe),
            start_timeout_seconds=_READY_TIMEOUT_SECONDS,
        )
        server.wait_until_ready()
        yield server


@contextmanager
def _running(
    name: str, command: Sequence[str | Path], *, environment: Mapping[str, str], logs: Path
) -> Iterator[ManagedProcess]:
    with supervisor() as processes:
        yield processes.start(
            command=project_command(name, command, environment=environment),
            log=logs / f"{name}.log",
        )


def project_command(
    name: str,
    arguments: Sequence[str | Path],
    *,
    environment: Mapping[str, str],
    grace_seconds: float = _GRACE_SECONDS,
) -> Command:
    """Return a command that runs in the project's folder, with these settings."""
    return Command(
        name=name,
        arguments=arguments,
        environment=with_settings(environment),
        working_directory=PROJECT_ROOT,
        grace_seconds=grace_seconds,
    )
