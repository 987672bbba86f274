"""The servers of a run, which can fail, stop and start again."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from embedded.environment import service_environment
from embedded.postgres import start_postgres
from embedded.processes import Command, ManagedProcess, Supervisor, supervisor
from embedded.valkey import start_valkey
from testbed.dynamodb import DynamoDbServer, running_dynamodb_server
from testbed.sqs import SqsServer, running_sqs_server
from tests.chaos.lake import Lake

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

# The service accepts 10 or more.
VISIBILITY_TIMEOUT = 12
TABLE = "conversation_messages"
_DATABASE = "conversations"


class _Remembering(Supervisor):
    """A supervisor that remembers the commands of its processes by name."""

    def __init__(self, processes: Supervisor) -> None:
        self.commands: dict[str, Command] = {}
        self._processes = processes

    def start(self, *, command: Command, log: Path) -> ManagedProcess:
        self.commands[command.name] = command
        return self._processes.start(command=command, log=log)

    def temporary_directory(self, *, parent: Path | None = None) -> Path:
        return self._processes.temporary_directory(parent=parent)

    def restartable(self, process: ManagedProcess) -> "RestartableServer":
        """Return one of its processes as a server that can be restarted."""
        return RestartableServer(
            processes=self._processes, process=process, command=self.commands[process.name]
        )


class RestartableServer:
    """A server that can be stopped and started again, with the same data and port."""

    def __init__(self, *, processes: Supervisor, process: ManagedProcess, command: Command) -> None:
        self._processes = processes
        self._process = process
        self._command = command

    def stop(self) -> None:
        """Stop the server, as its operator does."""
        self.thaw()
        self._process.stop()

    def crash(self) -> None:
        """End the server at once; PostgreSQL then recovers from its log (its manual, SIGQUIT)."""
        self._send(signal.SIGQUIT)
        self.stop()

    def freeze(self) -> None:
        """Freeze the server, which keeps its connections but answers nothing."""
        self._send(signal.SIGSTOP)

    def thaw(self) -> None:
        self._send(signal.SIGCONT)

    def start(self) -> None:
        """Start the server, or thaw it if it runs."""
        self.thaw()
        if not self._process.is_running:
            self._process = self._processes.start(command=self._command, log=self._process.log)

    def _send(self, number: signal.Signals) -> None:
        if self._process.is_running:
            os.kill(self._process.pid, number)


@dataclass(frozen=True, kw_only=True)
class Servers:
    """The servers, and `environment`, the service's settings for them."""

    processes: Supervisor
    logs: Path
    sqs_server: SqsServer
    dynamodb: DynamoDbServer
    postgres: RestartableServer
    valkey: RestartableServer
    lake: Lake
    database_url: str
    environment: dict[str, str]

    @property
    def queue_url(self) -> str:
        """The address of the queue for events."""
        return self.environment["SQS_CONVERSATION_QUEUE_URL"]

    @property
    def dead_letter_queue_url(self) -> str:
        return self.environment["SQS_CONVERSATION_DLQ_URL"]

    def sqs(self) -> "SQSClient":
        """Return a new client with short timeouts and without retries."""
        return boto3.client(
            "sqs",
            region_name=self.environment["SQS_CONVERSATION_REGION"],
            endpoint_url=self.sqs_server.url,
            aws_access_key_id=self.environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.environment["AWS_SECRET_ACCESS_KEY"],
            config=Config(
                connect_timeout=1,
                read_timeout=3,
                retries={"mode": "standard", "total_max_attempts": 1},
                proxies={},
            ),
        )


@contextmanager
def running_servers(*, logs: Path | None) -> Iterator[Servers]:
    """Run all servers on free ports of 127.0.0.1. Only a given `logs` folder is kept."""
    with (
        supervisor() as processes,
        running_sqs_server(greedy=True) as sqs_server,
        running_dynamodb_server() as dynamodb,
    ):
        root = processes.temporary_directory()
        logs = logs or root / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        remembering = _Remembering(processes)
        postgres = start_postgres(supervisor=remembering, logs=logs)
        valkey = start_valkey(supervisor=remembering, logs=logs)
        postgres.wait_until_ready()
        postgres.create_database(name=_DATABASE)
        valkey.wait_until_ready()
        lake = Lake(root / "lake")
        database_url = postgres.url(database=_DATABASE)
        yield Servers(
            processes=processes,
            logs=logs,
            sqs_server=sqs_server,
            dynamodb=dynamodb,
            postgres=remembering.restartable(postgres.process),
            valkey=remembering.restartable(valkey.process),
            lake=lake,
            database_url=database_url,
            environment={
                **service_environment(
                    database_url=database_url,
                    sqs_url=sqs_server.url,
                    dynamodb_url=dynamodb.url,
                    control_url=valkey.url,
                    lake=lake.path,
                ),
                "DYNAMODB_MESSAGE_TABLE": TABLE,
                "SQS_CONVERSATION_VISIBILITY_TIMEOUT": str(VISIBILITY_TIMEOUT),
                # Contacts write all the time, which would postpone every closing.
                "CLOSING_QUIET_PERIOD": "0",
            },
        )
