"""The servers of a drill, on free ports of 127.0.0.1."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from embedded.environment import service_environment
from embedded.lake import Lake
from embedded.postgres import parent_of_clusters
from embedded.processes import supervisor
from embedded.valkey import start_valkey
from testbed.dynamodb import DynamoDbServer, running_dynamodb_server
from testbed.sqs import running_sqs_server
from tests.chaos.service_servers import SETTINGS, ServiceServers
from tests.restore.database import RestorableDatabase


@dataclass(frozen=True, kw_only=True)
class RestoreServers(ServiceServers):
    """The servers, of which PostgreSQL can be restored."""

    database: RestorableDatabase
    dynamodb: DynamoDbServer


@contextmanager
def running_servers() -> Iterator[RestoreServers]:
    """Run all servers, and remove their data at the end. Raises ProcessError."""
    with ExitStack() as exits:
        processes = exits.enter_context(supervisor())
        sqs = exits.enter_context(running_sqs_server())
        dynamodb = exits.enter_context(running_dynamodb_server())
        root = processes.temporary_directory(parent=parent_of_clusters())
        if os.geteuid() == 0:
            # PostgreSQL runs as another user, who must reach its archive and its backup.
            root.chmod(0o711)
        logs = root / "logs"
        logs.mkdir()
        database = RestorableDatabase(supervisor=processes, root=root, logs=logs)
        valkey = start_valkey(supervisor=processes, logs=logs)
        database.create()
        valkey.wait_until_ready()
        lake = Lake(root / "lake")
        lake.create()
        settings = service_environment(
            database_url=database.url,
            sqs_url=sqs.url,
            dynamodb_url=dynamodb.url,
            control_url=valkey.url,
            lake=lake.path,
        )
        yield RestoreServers(
            processes=processes,
            logs=logs,
            environment={**settings, **SETTINGS},
            database=database,
            dynamodb=dynamodb,
            database_url=database.url,
            sqs_url=sqs.url,
            dynamodb_url=dynamodb.url,
            queue_url=sqs.queue_url("conversations.fifo"),
            dead_letter_queue_url=sqs.queue_url("conversations-dlq.fifo"),
            lake_folder=lake.folder,
        )
