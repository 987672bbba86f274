"""Every command in README, docs, the compose file and the Dockerfile runs as it is written there.

Each command is run by a shell in the project's folder, without a PYTHONPATH. These tests check only
that a command starts and ends without an error. Its effects are tested elsewhere.
"""

import os
import re
import shlex
import subprocess
import sysconfig
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import psycopg2
import pytest
import requests

from embedded.environment import with_settings
from embedded.network import LOOPBACK, free_port
from embedded.processes import Command, ManagedProcess, supervisor
from embedded.service import PROJECT_ROOT, prepare
from embedded.stack import running_stack
from testbed.sqs.fifo import client_of
from tests.support.builders import CHANNEL, PROJECT, message_body
from tests.support.commands import documented_commands

pytestmark = pytest.mark.slow

SECONDS = 60
CONTACT = "telegram:1001"
# For each long-running program, the output that shows that it is ready, or the path of a page that
# it serves once it is ready.
LONG_RUNNING = {
    "celery .*worker": " ready.",
    "celery .*beat": "beat: Starting",
    "celery .*events": "heartbeat:",
    "celery .*flower": "/healthcheck",
    "gunicorn": "/admin/login/",
    ".* runserver": "/admin/login/",
}
REMOTE_CONTROL = (
    "celery -A config status|celery -A config inspect|celery -A config control|python -m"
)
# These commands may end with status 1, for example because there is no dead letter 17.
MAY_FAIL = "dlq show|dlq redrive 17|doctor|manage.py status"
ERROR_OUTPUT = re.compile("Traceback|ModuleNotFoundError|No such command|usage:", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Shell:
    """Runs commands on a new stack, with their files in `scratch`."""

    environment: dict[str, str]
    scratch: Path

    def run(self, line: str, *, directory: Path = PROJECT_ROOT) -> str:
        """Run a command to its end, and return its output."""
        done = subprocess.run(
            ["sh", "-c", self.adapted(line)],
            cwd=directory,
            env=self.environment,
            # This confirms a command that asks. Django's shell would execute it as code.
            input="" if line.endswith(" shell") else "yes\n",
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        written = done.stdout + done.stderr
        allowed = {0, 1} if re.search(MAY_FAIL, line) else {0}
        assert done.returncode in allowed, f"{line} ended with {done.returncode}:\n{written}"
        assert not ERROR_OUTPUT.search(written), f"{line} wrote:\n{written}"
        return written

    @contextmanager
    def running(self, line: str, *, directory: Path = PROJECT_ROOT) -> Iterator[ManagedProcess]:
        """Run a long-running program within the block."""
        port = free_port()
        mark = next(mark for program, mark in LONG_RUNNING.items() if re.match(program, line))
        with supervisor() as processes:
            process = processes.start(
                command=Command(
                    name=re.sub(r"\W+", "-", line),
                    arguments=["sh", "-c", f"exec env {self.adapted(line, port=port)}"],
                    environment={
                        **self.environment,
                        "FLOWER_PORT": str(port),
                        "GUNICORN_CMD_ARGS": f"--bind {LOOPBACK}:{port}",
                    },
                    working_directory=directory,
                ),
                log=self.scratch / f"{uuid4().hex}.log",
            )
            process.wait_until_ready(
                is_ready=lambda: _is_at_work(process, mark=mark, port=port),
                timeout_seconds=SECONDS,
            )
            assert not ERROR_OUTPUT.search(process.log_text()), process.log_text()
            yield process

    def adapted(self, line: str, *, port: int = 0) -> str:
        """Return the command with the addresses and files of this test."""
        for documented, actual in {
            r"(10\.0\.0\.8|0\.0\.0\.0):8000": f"{LOOPBACK}:{port}",
            r"--address=\S+": f"--address={LOOPBACK}",
            r"--port=5555": f"--port={port}",
            r"runserver$": f"runserver {port}",
            r"(projects\.csv|letters\.jsonl|event\.json|figures\.(?:csv|parquet))": (
                rf"{shlex.quote(str(self.scratch))}/\1"
            ),
        }.items():
            line = re.sub(documented, actual, line)
        return line


def _is_at_work(process: ManagedProcess, *, mark: str, port: int) -> bool:
    if not mark.startswith("/"):
        return mark in process.log_text()
    with requests.Session() as session:
        session.trust_env = False
        try:
            return session.get(f"http://{LOOPBACK}:{port}{mark}", timeout=5).ok
        except requests.ConnectionError:
            return False


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A shell on a migrated and provisioned stack with one event on its queue."""
    scratch = tmp_path_factory.mktemp("commands")
    with running_stack() as stack:
        settings = {
            **stack.environment,
            # The workers of other tests have their liveness files in the machine's own folder.
            "TMPDIR": str(scratch),
            "DJANGO_PLAIN_HTTP": "true",
            "DJANGO_STATIC_ROOT": "",
            "FLOWER_BASIC_AUTH": "operator:a-long-password",
        }
        prepare(environment=settings, logs=stack.logs)
        send_an_event(stack.environment)
        (scratch / "event.json").write_text(message_body())
        environment = with_settings(
            {
                **settings,
                "PROJECT": str(PROJECT),
                "URN": CONTACT,
                "GROUP": "g",
                "TASK": str(uuid4()),
                "PATH": f"{sysconfig.get_path('scripts')}{os.pathsep}{os.defpath}",
            }
        )
        environment.pop("PYTHONPATH", None)
        yield Shell(environment=environment, scratch=scratch)


def send_an_event(environment: dict[str, str]) -> None:
    client_of(environment["AWS_ENDPOINT_URL_SQS"]).send_message(
        QueueUrl=environment["SQS_CONVERSATION_QUEUE_URL"],
        MessageBody=message_body(urn=CONTACT),
        MessageGroupId=f"{PROJECT}:{CHANNEL}:{CONTACT}",
        MessageDeduplicationId=str(uuid4()),
    )


def only_conversation(database_url: str) -> str:
    """Wait until the only conversation exists, and return its UUID."""
    deadline = time.monotonic() + SECONDS
    with closing(psycopg2.connect(database_url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            while time.monotonic() < deadline:
                cursor.execute("SELECT uuid FROM conversations_conversation")
                if found := cursor.fetchone():
                    return str(found[0])
                time.sleep(0.1)
    pytest.fail("The worker has opened no conversation.")


def chosen(is_chosen: Callable[[str], object]) -> list[str]:
    """Return the documented commands that the function chooses."""
    lines = [line for line in documented_commands() if is_chosen(line)]
    assert lines
    return lines


def is_long_running(line: str) -> bool:
    return any(re.match(program, line) for program in LONG_RUNNING)


def test_every_long_running_program_starts(shell: Shell) -> None:
    with shell.running("celery -A config worker -Q conversations.fifo --hostname other@%h"):
        for line in chosen(is_long_running):
            with shell.running(line):
                pass


def test_workers_answer_every_remote_control_command(shell: Shell) -> None:
    worker = "celery -A config worker -Q conversations.fifo"
    assert worker in documented_commands()
    with shell.running(worker) as process:
        lines = chosen(lambda line: re.match(REMOTE_CONTROL, line))
        # `shutdown` ends the worker, so it comes last.
        for line in sorted(lines, key=lambda line: line.endswith(" shutdown")):
            shell.run(line)
        process.wait_until_done(timeout_seconds=SECONDS)


def test_every_other_command_ends_without_an_error(shell: Shell) -> None:
    with shell.running("celery -A config worker -Q conversations.fifo"):
        conversation = only_conversation(shell.environment["DATABASE_URL"])
        at_work = Shell(
            environment={**shell.environment, "CONVERSATION": conversation}, scratch=shell.scratch
        )
        for line in chosen(
            lambda line: not is_long_running(line) and not re.match(REMOTE_CONTROL, line)
        ):
            collects = "collectstatic" in line
            static = {"DJANGO_STATIC_ROOT": str(shell.scratch / "static")} if collects else {}
            Shell(environment=at_work.environment | static, scratch=shell.scratch).run(line)


def test_celery_finds_the_project_from_another_folder(shell: Shell, tmp_path: Path) -> None:
    celery = f"celery -A config --workdir {shlex.quote(str(PROJECT_ROOT))}"
    shell.run(f"{celery} report", directory=tmp_path)
    for program in ("worker -Q conversations.fifo", "flower"):
        with shell.running(f"{celery} {program}", directory=tmp_path):
            pass
