"""The servers that all subjects share. Each subject has its own queue, table and database there.

PostgreSQL counts statements with its module pg_stat_statements.
"""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg2
from psycopg2 import sql

from bench.common.costs import Counts
from bench.common.queue import LightQueue
from embedded.environment import service_environment
from embedded.postgres import PostgresServer, start_postgres
from embedded.processes import supervisor
from embedded.service import run_manage
from testbed.dynamodb import DynamoDbServer, running_dynamodb_server
from testbed.sqs import SqsServer, running_sqs_server

_MAINTENANCE = "postgres"
_TEMPLATE = "migrated"
_COUNTING = {"shared_preload_libraries": "pg_stat_statements"}
# Calls that only the benchmark makes while it measures.
_NOT_COUNTED = frozenset({"GetQueueAttributes", "SendMessageBatch"})
# BEGIN and COMMIT are statements, too.
_STATEMENTS = """
SELECT coalesce(sum(calls), 0)
FROM pg_stat_statements JOIN pg_database ON pg_database.oid = dbid
WHERE datname = %s
"""
_ANSWERS = "SELECT count(*) FROM analytics_surveyanswer"


class Stage:
    """The queue, table and database of one subject, and its calls to the servers."""

    def __init__(self, *, name: str, environment: Mapping[str, str], servers: "Servers") -> None:
        self.name = name
        self.environment = environment
        self.queue = LightQueue(queue_url=environment["SQS_CONVERSATION_QUEUE_URL"])
        self.table = environment["DYNAMODB_MESSAGE_TABLE"]
        self.servers = servers

    def counts(self) -> Counts:
        """Return the calls, units and statements so far, without those of the benchmark itself."""
        usage = self.servers.dynamodb.usage(table=self.table)
        return Counts(
            sqs={
                action: number
                for action, number in self.servers.sqs.call_counts().items()
                if action not in _NOT_COUNTED
            },
            dynamodb={action: used.calls for action, used in usage.items()},
            write_units=sum(used.write_units for used in usage.values()),
            read_units=sum(used.read_units for used in usage.values()),
            sql=self.servers.query_number(_STATEMENTS, self.name),
        )

    def answers(self) -> int:
        """Return how many survey answers the database has. This query counts as a statement."""
        return self.servers.query_number(_ANSWERS, database=self.name)


class Servers:
    """Running servers. Logs are written to `directory`."""

    def __init__(
        self,
        *,
        sqs: SqsServer,
        dynamodb: DynamoDbServer,
        postgres: PostgresServer,
        directory: Path,
    ) -> None:
        self.sqs = sqs
        self.dynamodb = dynamodb
        self.directory = directory
        self._postgres = postgres

    @contextmanager
    def stage(self, name: str, **settings: str) -> Iterator[Stage]:
        """Create a queue, a table and a migrated database, named after `name`.

        `settings` are further settings of the service. The servers' counts start again at 0. Raises
        ProcessError.
        """
        self._execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                sql.Identifier(name), sql.Identifier(_TEMPLATE)
            )
        )
        environment = self._environment(name) | settings
        run_manage(arguments=["provision"], environment=environment, logs=self.directory)
        self.sqs.reset_calls()
        self.dynamodb.reset_calls()
        stage = Stage(name=name, environment=environment, servers=self)
        try:
            yield stage
        finally:
            stage.queue.close()

    def migrate(self) -> None:
        """Create the database that is copied for each stage. Raises ProcessError."""
        self._execute(sql.SQL("CREATE EXTENSION pg_stat_statements"))
        self._postgres.create_database(name=_TEMPLATE)
        run_manage(
            arguments=["migrate", "--no-input"],
            environment=self._environment(_TEMPLATE),
            logs=self.directory,
        )

    def query_number(self, statement: str, *parameters: str, database: str = _MAINTENANCE) -> int:
        """Return the number that is the only result of a statement."""
        with (
            closing(psycopg2.connect(self._postgres.url(database=database))) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(statement, parameters)
            ((number,),) = cursor.fetchall()
        return int(number)

    def _execute(self, statement: sql.Composable) -> None:
        with closing(psycopg2.connect(self._postgres.url(database=_MAINTENANCE))) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement)

    def _environment(self, name: str) -> dict[str, str]:
        return {
            **service_environment(
                database_url=self._postgres.url(database=name),
                sqs_url=self.sqs.url,
                dynamodb_url=self.dynamodb.url,
                control_url="",
                lake=self.directory / name,
            ),
            "AWS_DEFAULT_REGION": "us-east-1",
            "SQS_CONVERSATION_QUEUE_URL": self.sqs.queue_url(f"{name}.fifo"),
            "SQS_CONVERSATION_DLQ_URL": self.sqs.queue_url(f"{name}-dlq.fifo"),
            "DYNAMODB_MESSAGE_TABLE": name,
            "DJANGO_SETTINGS_MODULE": "config.settings",
        }


@contextmanager
def running_servers() -> Iterator[Servers]:
    """Run PostgreSQL and the models of SQS and DynamoDB, with a migrated database to copy.

    The model of SQS fills a batch from one group first, as AWS documents. Raises ProcessError.
    """
    with (
        supervisor() as processes,
        running_sqs_server(greedy=True) as sqs,
        running_dynamodb_server() as dynamodb,
    ):
        directory = processes.temporary_directory()
        postgres = start_postgres(supervisor=processes, logs=directory, more_settings=_COUNTING)
        postgres.wait_until_ready()
        servers = Servers(sqs=sqs, dynamodb=dynamodb, postgres=postgres, directory=directory)
        servers.migrate()
        yield servers
