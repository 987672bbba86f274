"""Starts third-party servers of SQS and DynamoDB, Valkey, and PostgreSQL behind a PgBouncer.

The service's settings for these servers are returned with them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from embedded.environment import service_environment
from embedded.postgres import start_postgres
from embedded.processes import supervisor
from embedded.valkey import start_valkey
from tests.chaos.service_servers import SETTINGS, ServiceServers
from tests.foreign.servers import ACCOUNT_ID, Pair
from tests.pgbouncer.server import owned_by_a_role, running_pgbouncer

_DATABASE = "conversations"


@contextmanager
def running_target(*, pair: Pair, pool_mode: str, logs: Path | None) -> Iterator[ServiceServers]:
    """Run all servers on free ports of 127.0.0.1.

    Logs are kept only if `logs` names a folder for them.
    """
    with supervisor() as processes:
        root = processes.temporary_directory()
        logs = logs or root / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        lake = root / "lake"
        lake.mkdir()
        postgres = start_postgres(supervisor=processes, logs=logs)
        valkey = start_valkey(supervisor=processes, logs=logs)
        sqs_url, dynamodb_url = pair.start(processes=processes, logs=logs)
        postgres.wait_until_ready()
        postgres.create_database(name=_DATABASE)
        valkey.wait_until_ready()
        database_url = owned_by_a_role(postgres.url(database=_DATABASE))
        with running_pgbouncer(database_url=database_url, pool_mode=pool_mode, logs=logs) as pooled:
            queues = f"{sqs_url}/{ACCOUNT_ID}/conversations"
            yield ServiceServers(
                processes=processes,
                logs=logs,
                database_url=database_url,
                sqs_url=sqs_url,
                dynamodb_url=dynamodb_url,
                queue_url=f"{queues}.fifo",
                dead_letter_queue_url=f"{queues}-dlq.fifo",
                lake_folder=lake,
                environment={
                    **service_environment(
                        database_url=pooled,
                        sqs_url=sqs_url,
                        dynamodb_url=dynamodb_url,
                        control_url=valkey.url,
                        lake=lake,
                    ),
                    "SQS_CONVERSATION_QUEUE_URL": f"{queues}.fifo",
                    "SQS_CONVERSATION_DLQ_URL": f"{queues}-dlq.fifo",
                    **SETTINGS,
                },
            )
