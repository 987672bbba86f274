"""PostgreSQL, SQS, DynamoDB and Valkey together, and the service's settings for them."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from embedded.environment import service_environment
from embedded.lake import Lake
from embedded.moto import start_moto
from embedded.postgres import parent_of_clusters, start_postgres
from embedded.processes import supervisor
from embedded.servers import Server
from embedded.sqs import start_sqs
from embedded.valkey import start_valkey

_DATABASE = "conversations"


@dataclass(frozen=True, kw_only=True)
class Stack:
    """The running servers by name, and the settings with which the service uses them.

    `logs` has a file for each process, `lake` the files of the data lake.
    """

    directory: Path
    logs: Path
    lake: Path
    database_url: str
    sqs_url: str
    moto_url: str
    control_url: str
    environment: dict[str, str]
    servers: Mapping[str, Server]


@contextmanager
def running_stack(*, directory: Path | None = None, keeps_data: bool = False) -> Iterator[Stack]:
    """Run the four servers on free ports of 127.0.0.1, with an empty database.

    Logs and the data lake are written to `directory`, which is kept, or to a temporary directory,
    which is removed when the block is left. With `keeps_data`, the temporary directory is kept and
    has PostgreSQL's data, too. If this program is killed inside the block, its guard stops the
    servers. Raises ProcessError, with the end of a log, if a server does not start.
    """
    with supervisor(keeps_directories=keeps_data) as processes:
        if directory is None:
            directory = processes.temporary_directory(parent=parent_of_clusters())
        root = directory.resolve()
        if keeps_data and os.geteuid() == 0:
            # PostgreSQL runs as another user, who must reach its data.
            root.chmod(0o711)
        logs, lake = root / "logs", Lake(root / "lake")
        logs.mkdir(mode=0o700, parents=True, exist_ok=True)
        lake.create()
        # The servers start at the same time; moto takes longest.
        moto = start_moto(supervisor=processes, logs=logs)
        sqs = start_sqs(supervisor=processes, logs=logs)
        valkey = start_valkey(supervisor=processes, logs=logs)
        postgres = start_postgres(
            supervisor=processes, logs=logs, parent=root if keeps_data else None
        )
        postgres.wait_until_ready()
        postgres.create_database(name=_DATABASE)
        valkey.wait_until_ready()
        sqs.wait_until_ready()
        moto.wait_until_ready()
        database = postgres.as_server(database=_DATABASE)
        yield Stack(
            directory=root,
            logs=logs,
            lake=lake.path,
            database_url=database.url,
            sqs_url=sqs.url,
            moto_url=moto.url,
            control_url=valkey.url,
            environment=service_environment(
                database_url=database.url,
                sqs_url=sqs.url,
                dynamodb_url=moto.url,
                control_url=valkey.url,
                lake=lake.path,
            ),
            servers={"postgres": database, "sqs": sqs, "moto": moto, "valkey": valkey},
        )
