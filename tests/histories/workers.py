"""The processes that run histories for `make histories`, each with a database of its own."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from embedded.commands import CommandError
from embedded.environment import service_environment, with_settings
from embedded.postgres import PostgresServer


class Worker:
    """A running process (`tests.histories.worker`)."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def deviations_of(self, seeds: range) -> list[str]:
        """Run the histories of these seeds in the process, and return what differs.

        Raise CommandError if the process ended.
        """
        assert self._process.stdin
        assert self._process.stdout
        try:
            print(seeds.start, seeds.stop, file=self._process.stdin, flush=True)
            answer = self._process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            raise CommandError(f"A process ended before it had run the seeds from {seeds.start}.")
        deviations: list[str] = json.loads(answer)
        return deviations


@contextmanager
def running_worker(*, number: int, postgres: PostgresServer, lake: Path) -> Iterator[Worker]:
    """Run a process with an empty database. It ends when the block is left, or with this process.

    Signals of the terminal do not reach it.
    """
    name = f"histories_{number}"
    postgres.create_database(name=name)
    settings = service_environment(
        database_url=postgres.url(database=name),
        sqs_url="http://127.0.0.1:9",
        dynamodb_url="http://127.0.0.1:9",
        control_url="",
        lake=lake,
    )
    with subprocess.Popen(
        [sys.executable, "-m", "tests.histories.worker"],
        env=with_settings(
            {**settings, "DJANGO_SETTINGS_MODULE": "config.settings", "LOG_LEVEL": "ERROR"}
        ),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield Worker(process)
        finally:
            process.kill()
