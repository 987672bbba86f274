"""`make up` runs the whole service, survives kills and drills, and leaves nothing behind."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from uuid import uuid4

import psutil
import psycopg2
import pytest
import requests

from embedded.service import PROJECT_ROOT
from embedded.up.presence import RunningUp, running_ups
from testbed.sqs.fifo import client_of
from tests.support.builders import CHANNEL, PROJECT, message_body

SECONDS = 90
RUNNING = "Ctrl-C stops everything"
# What the program needs to stop a worker that waits for a dependency.
STOP_SECONDS = 60

pytestmark = pytest.mark.slow


@dataclass
class Up:
    """A running `make up`, and what it has printed."""

    program: subprocess.Popen[str]
    said: list[str] = field(default_factory=list)

    def read(self) -> None:
        assert self.program.stdout
        self.said.extend(self.program.stdout)

    @property
    def text(self) -> str:
        return "".join(self.said)

    def found(self) -> RunningUp:
        """Return the running stack as drills find it."""
        (up,) = (up for up in running_ups() if up.pid == self.program.pid)
        return up

    def started(self) -> list[psutil.Process]:
        return psutil.Process(self.program.pid).children(recursive=True)

    def wait_for(self, words: str) -> None:
        wait_until(lambda: words in self.text or self.program.poll() is not None)
        assert words in self.text, self.text

    def drill(self, name: str, *, seconds: int) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "testbed.drills"],
            cwd=PROJECT_ROOT,
            env={
                **os.environ,
                "DRILL": name,
                "DRILL_SECONDS": str(seconds),
                "DRILL_PID": str(self.program.pid),
            },
            stdout=subprocess.PIPE,
            text=True,
        )


@contextmanager
def make_up(*arguments: str) -> Iterator[Up]:
    """Run the command of `make up` within the block, and wait until everything runs."""
    program = subprocess.Popen(
        [sys.executable, "-m", "embedded.up", *arguments],
        cwd=PROJECT_ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    up = Up(program)
    reader = Thread(target=up.read, daemon=True)
    reader.start()
    with program:
        try:
            up.wait_for(RUNNING)
            yield up
        finally:
            program.terminate()
            program.wait(STOP_SECONDS)
            reader.join(10)


def test_the_whole_service_runs_under_load_and_leaves_nothing_behind() -> None:
    with make_up("--load", "20") as up:
        started = up.started()
        directory = up.found().directory
        assert up.said[0] == "Starting the embedded stack\n"
        assert max(map(len, up.said)) <= 81, up.text
        (password,) = re.findall(r"User, password +admin (\S+)", up.text)
        (admin,) = re.findall(r"http://127\.0\.0\.1:\d+/admin/$", up.text, flags=re.MULTILINE)
        (flower,) = re.findall(r"Flower +(http://127\.0\.0\.1:\d+)/", up.text)
        with requests.Session() as session:
            session.trust_env = False
            assert "Log in" in session.get(admin, timeout=10).text
            assert session.get(flower, timeout=10).status_code == 401
            session.auth = ("admin", password)
            tasks = f"{flower}/api/tasks"
            wait_until(lambda: "handle_csat" in session.get(tasks, timeout=10).text)
        up.program.send_signal(signal.SIGTERM)
        assert up.program.wait(STOP_SECONDS) == 0
    assert up.said[-1] == "Stopped.\n"
    assert_nothing_is_left(started, directory=directory)


def test_killed_processes_are_started_again_and_events_take_effect() -> None:
    with make_up("--load", "5") as up:
        found = up.found()
        before = {name: found.pid_of(name) for name in ("worker", "postgres", "sqs", "load")}
        for name in ("worker", "postgres"):
            os.kill(found.pid_of(name), signal.SIGKILL)
        up.wait_for("The worker was ended by SIGKILL. It is started again in ")
        up.wait_for("PostgreSQL was ended by SIGKILL. It is started again in ")
        up.wait_for("PostgreSQL is ready again.")
        up.wait_for("The worker is ready again.")
        assert_takes_effect(found)

        os.kill(found.pid_of("sqs"), signal.SIGKILL)
        up.wait_for("SQS is ready again.")
        assert_takes_effect(found)

        after = {name: found.pid_of(name) for name in before}
        assert [name for name in before if after[name] == before[name]] == ["load"]
        started = up.started()
        up.program.send_signal(signal.SIGINT)
        assert up.program.wait(STOP_SECONDS) == 0
    assert_nothing_is_left(started, directory=found.directory)


def test_drills_break_and_repair_and_ctrl_c_during_a_drill_leaves_nothing_behind() -> None:
    with make_up("--load", "5") as up:
        found = up.found()
        with up.drill("stop-postgresql", seconds=5) as drill:
            up.wait_for("PostgreSQL ended with status 0. It is started again when the drill ends.")
            assert drill.wait(SECONDS) == 0
        up.wait_for("PostgreSQL is ready again.")
        assert_takes_effect(found)

        with up.drill("fail-over", seconds=600) as drill:
            wait_until(lambda: is_read_only(found))
            drill.send_signal(signal.SIGTERM)
            drill.wait(SECONDS)
        assert not is_read_only(found)
        assert_takes_effect(found)

        started = up.started()
        with up.drill("freeze-worker", seconds=600) as drill:
            worker = psutil.Process(found.pid_of("worker"))
            wait_until(lambda: worker.status() == psutil.STATUS_STOPPED)
            up.program.send_signal(signal.SIGINT)
            assert up.program.wait(STOP_SECONDS) == 0
            assert drill.wait(SECONDS) == 0
            assert drill.stdout
            assert "`make up` has ended" in drill.stdout.read()
    assert_nothing_is_left(started, directory=found.directory)


def test_data_and_logs_can_be_kept() -> None:
    with make_up("--keep") as up:
        directory = up.found().directory
        up.program.send_signal(signal.SIGINT)
        assert up.program.wait(STOP_SECONDS) == 0
    try:
        assert f"Stopped. Data and logs are in {directory}\n" == up.said[-1]
        assert (directory / "logs" / "worker.log").exists()
        assert (directory / "lake").is_dir()
        assert list(directory.rglob("PG_VERSION"))
    finally:
        shutil.rmtree(directory)


def test_a_process_that_cannot_start_at_first_ends_everything_with_its_error() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "embedded.up"],
        cwd=PROJECT_ROOT,
        env={**os.environ, "FLOWER_CERTFILE": "/without/a/key"},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )

    assert done.returncode == 1
    assert "flower ended with status 1 before it was ready" in done.stderr
    assert "Both 'certfile' and 'keyfile' are required" in done.stderr


def assert_takes_effect(up: RunningUp) -> None:
    """Send a message of a new contact, and wait until it has opened a conversation."""
    urn = f"telegram:{uuid4().int % 10**9}"
    client_of(up.environment["AWS_ENDPOINT_URL_SQS"]).send_message(
        QueueUrl=up.environment["SQS_CONVERSATION_QUEUE_URL"],
        MessageBody=message_body(urn=urn),
        MessageGroupId=f"{PROJECT}:{CHANNEL}:{urn}",
        MessageDeduplicationId=str(uuid4()),
    )
    query = "SELECT count(*) FROM conversations_conversation WHERE contact_urn = %s"
    wait_until(lambda: answer(up, query, urn) == 1)


def is_read_only(up: RunningUp) -> bool:
    return answer(up, "SHOW transaction_read_only") == "on"


def answer(up: RunningUp, query: str, *parameters: str) -> object:
    """Return what PostgreSQL answers on a new connection."""
    with (
        closing(psycopg2.connect(up.environment["DATABASE_URL"])) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(query, parameters)
        row = cursor.fetchone()
        return row[0] if row else None


def assert_nothing_is_left(started: list[psutil.Process], *, directory: Path) -> None:
    assert started
    wait_until(lambda: not any(is_alive(process) for process in started))
    assert not directory.exists()


def is_alive(process: psutil.Process) -> bool:
    """Return whether a process still runs. A zombie process does not count."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)
