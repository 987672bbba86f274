"""Starts the programs of docker-compose.yml from the image, and checks that they work and stop.

The stack runs outside of the image. A network namespace with nothing but loopback holds both, so
that a program that needs anything else fails.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import requests
import yaml
from rich.console import Console

from apps.common import durations
from demo.samples import sample_events
from embedded.commands import exit_status, print_with_time
from embedded.processes import ProcessError, Supervisor, supervisor
from embedded.service import PROJECT_ROOT
from embedded.stack import Stack, running_stack
from testbed.checker.check import check
from testbed.checker.reader import read_stores
from testbed.checker.report import Defect
from testbed.checker.stores import FoundDeadLetter
from testbed.traffic.sending import EventQueue
from tests.image.container import Container, Image
from tests.image.extras import named_extras, try_extras

_READY_SECONDS = 120.0
_EFFECTS_SECONDS = 120.0
_POLL_SECONDS = 0.2
# The time that Docker waits before it kills a container without a stop_grace_period.
_DEFAULT_GRACE = timedelta(seconds=10)
# The lake is in the volume, and Flower does not start without a login.
_SETTINGS = {
    "DATALAKE_URL": "file:///var/lib/conversations/lake?gather=0s",
    "FLOWER_BASIC_AUTH": "flower:for-the-trial",
}
_WORKER_CHECK = "celery_sqs_fifo.consuming.liveness"


@dataclass(frozen=True, kw_only=True)
class Trial:
    """The running stack, and what containers need to use it."""

    image: Image
    stack: Stack
    services: Mapping[str, Mapping[str, Any]]
    processes: Supervisor
    volume: Path

    def start(self, name: str, *arguments: str) -> Container:
        """Start a service of docker-compose.yml, by default with its own command."""
        return Container.start(
            image=self.image,
            name=name,
            arguments=arguments or self.services[name]["command"],
            settings=self.stack.environment | _SETTINGS,
            volume=self.volume,
            processes=self.processes,
            logs=self.stack.logs,
        )

    def grace(self, name: str) -> timedelta:
        """Return how long a service may take to stop."""
        text = self.services[name].get("stop_grace_period")
        return (durations.read(text) if text else None) or _DEFAULT_GRACE

    def health_check(self, name: str) -> list[str]:
        """Return the command of a service's health check."""
        test: list[str] = self.services[name]["healthcheck"]["test"]
        keyword, *command = test
        assert keyword == "CMD"
        return command


def try_programs(image: Image, *, extras: Sequence[str]) -> Iterator[str]:
    """Yield what was seen of each program of an image that was built with these optional packages.

    Raise ProcessError or CommandError if one fails.
    """
    with _trial(image) as trial:
        provision = trial.start("provision")
        provision.process.wait_until_done(timeout_seconds=_READY_SECONDS)
        yield "provision: migrated, and created the queues and the table"
        worker, beat = trial.start("worker"), trial.start("beat")
        web, flower = trial.start("web"), trial.start("flower")
        _wait(worker, lambda: " ready." in worker.process.log_text())
        _wait(beat, lambda: "beat: Starting" in beat.process.log_text())
        for name, container in {"worker": worker, "web": web, "flower": flower}.items():
            _wait_until_healthy(container, trial.health_check(name))
            yield f"{name}: its health check succeeds"
        if worker.execute("python", "-m", _WORKER_CHECK, "/tmp/none").returncode == 0:  # noqa: S108
            raise worker.process.error("has a health check that cannot fail")
        _check_confinement(worker)
        yield "worker: without root, capabilities and a root file system that it can write to"
        page = requests.get("http://127.0.0.1:8000/admin/login/", headers=_OVER_TLS, timeout=10)
        page.raise_for_status()
        yield "web: serves the page of the login"
        count = _process_samples(trial, worker)
        yield f"worker: each of {count} sample events took effect as it should"
        doctor = worker.execute("python", "manage.py", "doctor")
        if doctor.returncode:
            raise worker.process.error(f"is not well:\n{doctor.stdout}{doctor.stderr}\n")
        yield "beat: the doctor finds it and the worker running, and no error"
        yield from try_extras(worker, built_with=extras)
        for name, container in {
            "web": web,
            "flower": flower,
            "beat": beat,
            "worker": worker,
        }.items():
            grace = trial.grace(name).total_seconds()
            seconds = container.stop(grace_seconds=grace)
            yield f"{name}: stopped {seconds:.1f} s after SIGTERM, of {grace:.0f} s"


_OVER_TLS = {"X-Forwarded-Proto": "https"}


@contextmanager
def _trial(image: Image) -> Iterator[Trial]:
    with running_stack() as stack, supervisor() as processes:
        volume = processes.temporary_directory()
        os.chown(volume, image.user, image.user)
        compose = yaml.safe_load((PROJECT_ROOT / "docker-compose.yml").read_text())
        yield Trial(
            image=image,
            stack=stack,
            services=compose["services"],
            processes=processes,
            volume=volume,
        )


def _wait(container: Container, is_ready: Callable[[], bool]) -> None:
    container.process.wait_until_ready(is_ready=is_ready, timeout_seconds=_READY_SECONDS)


def _wait_until_healthy(container: Container, command: list[str]) -> None:
    last = ""

    def is_healthy() -> bool:
        nonlocal last
        ended = container.execute(*command)
        last = ended.stdout + ended.stderr
        return ended.returncode == 0

    try:
        _wait(container, is_healthy)
    except ProcessError as error:
        raise ProcessError(f"{error}\nThe last health check: {last}") from error


def _check_confinement(container: Container) -> None:
    """Raise ProcessError if the program has rights that it does not need."""
    status = Path(f"/proc/{container.first_process}/status").read_text()
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    user = str(container.image.user)
    is_confined = (
        set(fields["Uid"].split()) == {user}
        and set(fields["Gid"].split()) == {user}
        and not any(int(fields[name], 16) for name in ("CapPrm", "CapEff", "CapBnd"))
        and fields["NoNewPrivs"] == "1"
        and container.execute("touch", "/app/manage.py").returncode != 0
    )
    if not is_confined:
        raise container.process.error(f"is not confined:\n{status}\n")


def _process_samples(trial: Trial, worker: Container) -> int:
    """Send the sample events, and wait for exactly their effects. Return how many there are."""
    environment = trial.stack.environment
    sqs = boto3.client(
        "sqs",
        region_name=environment["SQS_CONVERSATION_REGION"],
        endpoint_url=trial.stack.sqs_url,
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )
    queue = EventQueue(sqs=sqs, url=environment["SQS_CONVERSATION_QUEUE_URL"])
    sent = queue.publish(sample_events(), max_backlog=90)
    dynamodb = boto3.client(
        "dynamodb",
        region_name=environment["DYNAMODB_REGION"],
        endpoint_url=trial.stack.moto_url,
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )
    # Reading the stores empties the dead-letter queue, unless beat was faster.
    letters: dict[str, FoundDeadLetter] = {}

    def defects() -> list[Defect]:
        stores = read_stores(
            database_url=trial.stack.database_url,
            dynamodb=dynamodb,
            table=environment["DYNAMODB_MESSAGE_TABLE"],
            sqs=sqs,
            queue_url=environment["SQS_CONVERSATION_QUEUE_URL"],
            dead_letter_queue_url=environment["SQS_CONVERSATION_DLQ_URL"],
            lake=trial.volume / "lake",
        )
        letters.update({letter.source_message_id: letter for letter in stores.dead_letters})
        stores = replace(stores, dead_letters=list(letters.values()))
        return check(sent=sent, stores=stores, is_drained=False)

    deadline = time.monotonic() + _EFFECTS_SECONDS
    while found := defects():
        worker.process.check()
        if time.monotonic() > deadline:
            raise worker.process.error(f"did not process the samples: {found}")
        time.sleep(_POLL_SECONDS)
    return len(sent)


def run_command(console: Console) -> int:
    """Try the image of the arguments: its root, its configuration as JSON, and its EXTRAS."""
    root, config, extras = sys.argv[1:]
    image = Image(root=Path(root), config=json.loads(config))
    for line in try_programs(image, extras=named_extras(extras)):
        print_with_time(line, console=console)
    return 0


if __name__ == "__main__":
    sys.exit(exit_status(run_command))
