"""The embedded stack answers, listens on loopback only, and leaves nothing behind."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import boto3
import psutil
import psycopg2
import pytest
import valkey

from embedded.accounts import everyone_may_enter
from embedded.postgres_programs import copy_installation
from embedded.stack import Stack, running_stack

PROJECT_ROOT = Path(__file__).resolve().parents[2]
HOLDER = """
import sys, time
from embedded.stack import running_stack
with running_stack() as stack:
    sys.stdout.write(f"{stack.directory}\\n")
    sys.stdout.flush()
    time.sleep(60)
"""


@dataclass(frozen=True)
class Running:
    stack: Stack
    processes: list[psutil.Process]


@contextmanager
def observed_stack(*, directory: Path | None = None) -> Iterator[Running]:
    before = set(family(psutil.Process()))
    with running_stack(directory=directory) as stack:
        yield Running(stack, [child for child in family(psutil.Process()) if child not in before])


def family(process: psutil.Process) -> list[psutil.Process]:
    return process.children(recursive=True)


def cluster_directories(members: list[psutil.Process]) -> set[Path]:
    """Return the data directories of the PostgreSQL servers among these processes."""
    commands = [member.cmdline() for member in members]
    return {Path(words[words.index("-D") + 1]).parent for words in commands if "-D" in words}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with observed_stack(directory=tmp_path_factory.mktemp("stack")) as observed:
        yield observed


@pytest.fixture(scope="module")
def stack(running: Running) -> Stack:
    return running.stack


def test_postgresql_answers_and_orders_text_as_unicode(stack: Stack) -> None:
    connection = psycopg2.connect(stack.database_url)
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT current_database(), datcollate, pg_encoding_to_char(encoding),"
                " current_setting('max_connections'), current_setting('fsync')"
                " FROM pg_database WHERE datname = current_database()"
            )
            assert cursor.fetchone() == ("conversations", "C.UTF-8", "UTF8", "100", "off")
    finally:
        connection.close()


def test_postgresql_refuses_a_wrong_password(stack: Stack) -> None:
    address = urlsplit(stack.database_url)
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        psycopg2.connect(f"postgres://postgres:guessed@127.0.0.1:{address.port}/postgres")


def test_postgresql_keeps_statements_and_values_out_of_its_log(stack: Stack) -> None:
    connection = psycopg2.connect(stack.database_url)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute("CREATE TEMPORARY TABLE contacts (name text PRIMARY KEY)")
            cursor.execute("INSERT INTO contacts VALUES (%s)", ["Zebedee Quux"])
            with pytest.raises(psycopg2.errors.UniqueViolation):
                cursor.execute("INSERT INTO contacts VALUES (%s)", ["Zebedee Quux"])
    finally:
        connection.close()
    log = (stack.logs / "postgres.log").read_text()
    assert "contacts_pkey" in log
    assert "Zebedee" not in log


def test_sqs_and_dynamodb_answer(stack: Stack) -> None:
    session = boto3.Session(
        region_name=stack.environment["SQS_CONVERSATION_REGION"],
        aws_access_key_id=stack.environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=stack.environment["AWS_SECRET_ACCESS_KEY"],
    )
    sqs = session.client("sqs", endpoint_url=stack.sqs_url)
    queue = sqs.create_queue(QueueName="conversations.fifo", Attributes={"FifoQueue": "true"})
    assert queue["QueueUrl"] == stack.environment["SQS_CONVERSATION_QUEUE_URL"]
    sqs.delete_queue(QueueUrl=queue["QueueUrl"])
    dynamodb = session.client("dynamodb", endpoint_url=stack.moto_url)
    assert dynamodb.list_tables()["TableNames"] == []


def test_valkey_answers_and_saves_nothing(stack: Stack) -> None:
    with valkey.Valkey.from_url(stack.control_url) as client:
        assert client.ping()
        assert client.config_get("save") == {"save": ""}
        assert client.config_get("appendonly") == {"appendonly": "no"}


def test_valkey_requires_the_password_in_its_url(stack: Stack) -> None:
    parts = urlsplit(stack.control_url)
    assert parts.password
    without = parts._replace(netloc=f"{parts.hostname}:{parts.port}").geturl()

    with (
        valkey.Valkey.from_url(without) as client,
        pytest.raises(valkey.exceptions.AuthenticationError),
    ):
        client.ping()

    configuration = stack.logs / "valkey.conf"
    assert parts.password in configuration.read_text(encoding="utf-8")
    assert configuration.stat().st_mode & 0o777 == 0o600


def test_every_server_listens_on_loopback_only(running: Running) -> None:
    sockets = [
        connection.laddr
        for process in running.processes
        for connection in process.net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert len(sockets) == 4
    assert {address.ip for address in sockets} == {"127.0.0.1"}


def test_no_server_listens_on_a_unix_socket(running: Running) -> None:
    assert not [
        connection
        for process in running.processes
        for connection in process.net_connections(kind="unix")
        if connection.laddr
    ]


def test_postgresql_runs_without_root_rights(running: Running) -> None:
    servers = [process for process in running.processes if process.name() == "postgres"]
    assert servers
    for server in servers:
        assert 0 not in server.uids()
        assert 0 not in server.gids()


def test_no_process_and_no_directory_is_left_after_the_block() -> None:
    with observed_stack() as running:
        directories = {running.stack.directory, *cluster_directories(running.processes)}
        assert len(running.processes) >= 5
        assert len(directories) == 2
        assert all(directory.is_dir() for directory in directories)
    assert not [process for process in running.processes if is_alive(process)]
    assert not [directory for directory in directories if directory.exists()]


def test_a_killed_program_leaves_nothing_behind() -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER], cwd=PROJECT_ROOT, stdout=subprocess.PIPE, text=True
    )
    with holder:
        assert holder.stdout
        directory = Path(holder.stdout.readline().strip())
        started = family(psutil.Process(holder.pid))
        directories = {directory, *cluster_directories(started)}
        assert len(started) >= 5
        holder.kill()
    wait_until(lambda: not any(is_alive(process) for process in started))
    wait_until(lambda: not any(directory.exists() for directory in directories))


def test_the_binaries_run_from_a_copy(tmp_path: Path) -> None:
    binaries = copy_installation(destination=tmp_path / "copy")
    for program in ("initdb", "postgres"):
        result = subprocess.run(
            [binaries / program, "--version"], capture_output=True, text=True, check=True
        )
        assert "PostgreSQL" in result.stdout


def test_nobody_can_enter_a_directory_below_a_private_one(tmp_path: Path) -> None:
    inner = tmp_path / "private" / "inner"
    inner.mkdir(parents=True)
    inner.chmod(0o755)
    (tmp_path / "private").chmod(0o700)
    assert not everyone_may_enter(inner)
    assert everyone_may_enter(Path("/"))


def is_alive(process: psutil.Process) -> bool:
    """Return whether a process still runs. A zombie process does not count."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
