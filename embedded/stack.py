"""PostgreSQL, SQS, DynamoDB and Valkey together, and the service's settings for them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from embedded.environment import service_environment
from embedded.moto import start_moto
from embedded.postgres import start_postgres
from embedded.processes import supervisor
from embedded.sqs import start_sqs
from embedded.valkey import start_valkey

_DATABASE = "conversations"


@dataclass(frozen=True, kw_only=True)
class Stack:
    """The addresses of running servers, and the settings with which the service uses them.

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


@contextmanager
def running_stack(*, directory: Path | None = None) -> Iterator[Stack]:
    """Run the four servers on free ports of 127.0.0.1, with an empty database.

    Logs and the data lake are written to `directory`, which is kept, or to a temporary directory,
    which is removed when the block is left. If this program is killed inside the block, its guard
    stops the servers. Raises ProcessError, with the end of a log, if a server does not start.
    """
    with supervisor() as processes:
        root = directory.resolve() if directory else processes.temporary_directory()
        logs, lake = root / "logs", root / "lake"
        for folder in (logs, lake):
            folder.mkdir(parents=True, exist_ok=True)
        # The servers start at the same time; moto takes longest.
        moto = start_moto(supervisor=processes, logs=logs)
        sqs = start_sqs(supervisor=processes, logs=logs)
        valkey = start_valkey(supervisor=processes, logs=logs)
        postgres = start_postgres(supervisor=processes, logs=logs)
        postgres.wait_until_ready()
        postgres.create_database(name=_DATABASE)
        valkey.wait_until_ready()
        sqs.wait_until_ready()
        moto.wait_until_ready()
        database_url = postgres.url(database=_DATABASE)
        yield Stack(
            directory=root,
            logs=logs,
            lake=lake,
            database_url=database_url,
            sqs_url=sqs.url,
            moto_url=moto.url,
            control_url=valkey.url,
            environment=service_environment(
                database_url=database_url,
                sqs_url=sqs.url,
                dynamodb_url=moto.url,
                control_url=valkey.url,
                lake=lake,
            ),
        )
