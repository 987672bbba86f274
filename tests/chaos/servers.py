"""What the service runs against: servers that can fail, and be ended and started again."""

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

# The shortest that the service accepts is 10.
VISIBILITY_TIMEOUT = 12
TABLE = "conversation_messages"
_DATABASE = "conversations"


class _Remembering(Supervisor):
    """Another supervisor's processes, with the commands that started them, by name."""

    def __init__(self, processes: Supervisor) -> None:
        self.commands: dict[str, Command] = {}
        self._processes = processes

    def start(self, *, command: Command, log: Path) -> ManagedProcess:
        self.commands[command.name] = command
        return self._processes.start(command=command, log=log)

    def temporary_directory(self, *, parent: Path | None = None) -> Path:
        return self._processes.temporary_directory(parent=parent)

    def restartable(self, process: ManagedProcess) -> "RestartableServer":
        """One of its processes."""
        return RestartableServer(
            processes=self._processes, process=process, command=self.commands[process.name]
        )


class RestartableServer:
    """A server that can be ended and started again, with the same data on the same port."""

    def __init__(self, *, processes: Supervisor, process: ManagedProcess, command: Command) -> None:
        self._processes = processes
        self._process = process
        self._command = command

    def stop(self) -> None:
        """As its operator would, unless it is down already."""
        self.thaw()
        self._process.stop()

    def crash(self) -> None:
        """Ends it at once; PostgreSQL then recovers from its log (its manual: SIGQUIT)."""
        self._send(signal.SIGQUIT)
        self.stop()

    def freeze(self) -> None:
        """It keeps its connections, and answers nothing."""
        self._send(signal.SIGSTOP)

    def thaw(self) -> None:
        self._send(signal.SIGCONT)

    def start(self) -> None:
        """Again, unless it runs."""
        self.thaw()
        if not self._process.is_running:
            self._process = self._processes.start(command=self._command, log=self._process.log)

    def _send(self, number: signal.Signals) -> None:
        if self._process.is_running:
            os.kill(self._process.pid, number)


@dataclass(frozen=True, kw_only=True)
class Servers:
    """All that the service needs, and `environment`, which leads it there."""

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
        """The queue that events are sent to."""
        return self.environment["SQS_CONVERSATION_QUEUE_URL"]

    @property
    def dead_letter_queue_url(self) -> str:
        return self.environment["SQS_CONVERSATION_DLQ_URL"]

    def sqs(self) -> "SQSClient":
        """A new client of the queues, which gives up soon."""
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
    """Everything on free ports of 127.0.0.1, gone when the block is left, but for given `logs`."""
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
                # Contacts write all the time: nothing would close within the run.
                "CLOSING_QUIET_PERIOD": "0",
            },
        )
