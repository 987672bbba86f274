"""The servers of a run, which can fail, stop and start again."""

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from embedded.environment import service_environment
from embedded.lake import Lake
from embedded.postgres import start_postgres
from embedded.processes import ManagedProcess, supervisor
from embedded.valkey import start_valkey
from testbed.dynamodb import DynamoDbServer, running_dynamodb_server
from testbed.proxy import SwallowingProxy, running_proxy
from testbed.proxy.sts import Sts, running_sts
from testbed.sqs import SqsServer, running_sqs_server
from tests.chaos.service_servers import SETTINGS, ServiceServers

_DATABASE = "conversations"
# botocore refreshes credentials 15 minutes before they expire. With this lifetime, it does so every
# ten seconds.
_CREDENTIALS_LIFETIME = timedelta(minutes=15, seconds=10)


class RestartableServer:
    """A server that can be stopped and started again, with the same data and port."""

    def __init__(self, process: ManagedProcess) -> None:
        self._process = process

    def stop(self) -> None:
        """Stop the server, as its operator does."""
        self._process.stop()

    def crash(self) -> None:
        """Kill the server with SIGQUIT. PostgreSQL recovers from its log at the next start."""
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
        self._process.start_again()

    def _send(self, number: signal.Signals) -> None:
        if self._process.is_running:
            os.kill(self._process.pid, number)


@dataclass(frozen=True, kw_only=True)
class Proxies:
    """The proxies between the service and its servers."""

    sqs: SwallowingProxy
    dynamodb: SwallowingProxy
    postgres: SwallowingProxy
    control: SwallowingProxy


@dataclass(frozen=True, kw_only=True)
class Servers(ServiceServers):
    """The servers of a chaos run. The service connects to them through the proxies."""

    sqs_server: SqsServer
    dynamodb: DynamoDbServer
    postgres: RestartableServer
    valkey: RestartableServer
    sts: Sts
    proxies: Proxies
    lake: Lake


@contextmanager
def running_servers(*, logs: Path | None) -> Iterator[Servers]:
    """Run all servers on free ports of 127.0.0.1. Only a given `logs` folder is kept."""
    with ExitStack() as exits:
        processes = exits.enter_context(supervisor())
        sqs_server = exits.enter_context(running_sqs_server(greedy=True))
        dynamodb = exits.enter_context(running_dynamodb_server())
        sts = exits.enter_context(running_sts(lifetime=_CREDENTIALS_LIFETIME))
        root = processes.temporary_directory()
        logs = logs or root / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        postgres = start_postgres(supervisor=processes, logs=logs)
        valkey = start_valkey(supervisor=processes, logs=logs)
        postgres.wait_until_ready()
        postgres.create_database(name=_DATABASE)
        valkey.wait_until_ready()
        lake = Lake(root / "lake")
        lake.create()
        database_url = postgres.url(database=_DATABASE)
        proxies = Proxies(
            sqs=exits.enter_context(running_proxy(url=sqs_server.url)),
            dynamodb=exits.enter_context(running_proxy(url=dynamodb.url)),
            postgres=exits.enter_context(running_proxy(url=database_url)),
            control=exits.enter_context(running_proxy(url=valkey.url)),
        )
        settings = service_environment(
            database_url=proxies.postgres.url(database_url),
            sqs_url=proxies.sqs.url(sqs_server.url),
            dynamodb_url=proxies.dynamodb.url(dynamodb.url),
            control_url=proxies.control.url(valkey.url),
            lake=lake.path,
        )
        # The service gets its credentials from STS instead of from these variables.
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            del settings[name]
        token = root / "token"
        token.write_text("token")
        yield Servers(
            processes=processes,
            logs=logs,
            sqs_server=sqs_server,
            dynamodb=dynamodb,
            postgres=RestartableServer(postgres.process),
            valkey=RestartableServer(valkey.process),
            sts=sts,
            proxies=proxies,
            lake=lake,
            lake_folder=lake.folder,
            database_url=database_url,
            sqs_url=sqs_server.url,
            dynamodb_url=dynamodb.url,
            queue_url=sqs_server.queue_url("conversations.fifo"),
            dead_letter_queue_url=sqs_server.queue_url("conversations-dlq.fifo"),
            environment={
                **settings,
                **SETTINGS,
                "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/worker",
                "AWS_WEB_IDENTITY_TOKEN_FILE": str(token),
                "AWS_ENDPOINT_URL_STS": sts.url,
            },
        )
