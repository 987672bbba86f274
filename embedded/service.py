"""The service's own processes, started against the settings of an embedded stack.

With the words of the README, because another way to start the same program can hide that they do
not work: with `-m`, Celery has the working directory on sys.path; its `celery` script has not.
"""

import http.client
import sys
import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from embedded.environment import with_settings
from embedded.network import LOOPBACK, free_port
from embedded.processes import Command, ManagedProcess, supervisor

PROJECT_ROOT = Path(__file__).resolve().parent.parent
QUEUE = "conversations.fifo"
_SCRIPTS = Path(sysconfig.get_path("scripts"))
_MANAGE_TIMEOUT_SECONDS = 120.0
_WORKER_READY_TIMEOUT_SECONDS = 60.0
_WORKER_GRACE_SECONDS = 20.0
_PAGES_READY_TIMEOUT_SECONDS = 60.0
_PROBE_TIMEOUT_SECONDS = 2.0
# The end of the line that Celery's worker logs when it begins to consume: "celery@host ready."
_READY_MARK = " ready."


@dataclass(frozen=True, kw_only=True)
class Pages:
    """A web server on 127.0.0.1. `url` has no slash at its end."""

    process: ManagedProcess
    url: str


def celery_command(*arguments: str, app: str = "config") -> list[str | Path]:
    """Return the words of `celery -A config …`, with the script of this environment.

    `app` is the module that has the Celery app.
    """
    return [_SCRIPTS / "celery", "-A", app, *arguments]


def run_manage(*, arguments: Sequence[str], environment: Mapping[str, str], logs: Path) -> None:
    """Runs `manage.py` to its end. Raises ProcessError, with its output, unless that goes well."""
    with supervisor() as processes:
        processes.run(
            command=_command(
                name=f"manage-{arguments[0]}",
                arguments=[sys.executable, "manage.py", *arguments],
                environment=environment,
            ),
            log=logs / f"manage-{arguments[0]}.log",
            timeout_seconds=_MANAGE_TIMEOUT_SECONDS,
        )


def prepare(*, environment: Mapping[str, str], logs: Path) -> None:
    """Migrates the database and makes the queues and the table. Both may be done already."""
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
    """A Celery worker that consumes the queue, ready to take events; stopped warmly at the end.

    `name` tells workers of one machine apart, `app` is the module that has the Celery app. Raises
    ProcessError if it does not get ready.
    """
    arguments = ["worker", "-Q", QUEUE, "--concurrency", str(concurrency)]
    arguments += ["--hostname", f"{name}@%h", "--loglevel", "INFO"]
    with supervisor() as processes:
        worker = processes.start(
            command=_command(
                name=name, arguments=celery_command(*arguments, app=app), environment=environment
            ),
            log=logs / f"{name}.log",
        )
        worker.wait_until_ready(
            is_ready=lambda: _READY_MARK in worker.log_text(),
            timeout_seconds=_WORKER_READY_TIMEOUT_SECONDS,
        )
        yield worker


@contextmanager
def running_beat(
    *, environment: Mapping[str, str], logs: Path, app: str = "config"
) -> Iterator[ManagedProcess]:
    """Celery's scheduler; does not wait for its first tick. `app` as for a worker."""
    with supervisor() as processes:
        yield processes.start(
            command=_command(
                name="beat",
                arguments=celery_command("beat", "--loglevel", "INFO", app=app),
                environment=environment,
            ),
            log=logs / "beat.log",
        )


@contextmanager
def running_web(*, environment: Mapping[str, str], logs: Path) -> Iterator[Pages]:
    """gunicorn with the admin site, answering. Raises ProcessError if it does not get ready."""
    port = free_port()
    options = ["--config", "python:config.webserver", "--bind", f"{LOOPBACK}:{port}"]
    with _running_pages(
        name="web",
        arguments=[_SCRIPTS / "gunicorn", *options, "config.wsgi"],
        environment=environment,
        logs=logs,
        port=port,
        probe="/admin/login/",
    ) as pages:
        yield pages


@contextmanager
def running_flower(*, environment: Mapping[str, str], logs: Path) -> Iterator[Pages]:
    """Flower, answering. Raises ProcessError if it does not get ready."""
    port = free_port()
    with _running_pages(
        name="flower",
        arguments=celery_command("flower", f"--address={LOOPBACK}", f"--port={port}"),
        environment=environment,
        logs=logs,
        port=port,
        probe="/healthcheck",
    ) as pages:
        yield pages


@contextmanager
def running_module(
    *, name: str, arguments: Sequence[str], environment: Mapping[str, str], logs: Path
) -> Iterator[ManagedProcess]:
    """`python -m` with these arguments; does not wait for anything."""
    with supervisor() as processes:
        yield processes.start(
            command=_command(
                name=name,
                arguments=[sys.executable, "-m", *arguments],
                environment=environment,
            ),
            log=logs / f"{name}.log",
        )


@contextmanager
def _running_pages(
    *,
    name: str,
    arguments: Sequence[str | Path],
    environment: Mapping[str, str],
    logs: Path,
    port: int,
    probe: str,
) -> Iterator[Pages]:
    with supervisor() as processes:
        process = processes.start(
            command=_command(name=name, arguments=arguments, environment=environment),
            log=logs / f"{name}.log",
        )
        process.wait_until_ready(
            is_ready=lambda: _answers(port=port, path=probe),
            timeout_seconds=_PAGES_READY_TIMEOUT_SECONDS,
        )
        yield Pages(process=process, url=f"http://{LOOPBACK}:{port}")


def _answers(*, port: int, path: str) -> bool:
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=_PROBE_TIMEOUT_SECONDS)
    try:
        connection.request("GET", path)
        return connection.getresponse().status < http.client.BAD_REQUEST
    except OSError:
        return False
    finally:
        connection.close()


def _command(
    *, name: str, arguments: Sequence[str | Path], environment: Mapping[str, str]
) -> Command:
    return Command(
        name=name,
        arguments=arguments,
        environment=with_settings(dict(environment)),
        working_directory=PROJECT_ROOT,
        grace_seconds=_WORKER_GRACE_SECONDS,
    )
