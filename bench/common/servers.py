"""The servers that all subjects share, and for each subject a queue, table and database of its own.

PostgreSQL counts statements itself, by its module pg_stat_statements.
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
# What the benchmark itself calls while it measures; no subject does.
_NOT_COUNTED = frozenset({"GetQueueAttributes", "SendMessageBatch"})
# BEGIN and COMMIT are statements, too.
_STATEMENTS = """
SELECT coalesce(sum(calls), 0)
FROM pg_stat_statements JOIN pg_database ON pg_database.oid = dbid
WHERE datname = %s
"""
_ANSWERS = "SELECT count(*) FROM analytics_surveyanswer"


class Stage:
    """Where one subject runs, and what it has asked of the servers there."""

    def __init__(self, *, name: str, environment: Mapping[str, str], servers: "Servers") -> None:
        self.name = name
        self.environment = environment
        self.queue = LightQueue(queue_url=environment["SQS_CONVERSATION_QUEUE_URL"])
        self.table = environment["DYNAMODB_MESSAGE_TABLE"]
        self.servers = servers

    def counts(self) -> Counts:
        """Calls, units and statements so far, but for what the benchmark itself has asked."""
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
            sql=self.servers.ask(_STATEMENTS, self.name),
        )

    def answers(self) -> int:
        """How many survey answers are in its database. This is counted as a statement."""
        return self.servers.ask(_ANSWERS, database=self.name)


class Servers:
    """Running servers. `directory` is for logs."""

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
        """A fresh queue, table and migrated database; `settings` are more of the service's.

        Their names come from `name`, which is new. The servers' counts begin anew. Raises
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
        """Make the database that those of the stages are copies of. Raises ProcessError."""
        self._execute(sql.SQL("CREATE EXTENSION pg_stat_statements"))
        self._postgres.create_database(name=_TEMPLATE)
        run_manage(
            arguments=["migrate", "--no-input"],
            environment=self._environment(_TEMPLATE),
            logs=self.directory,
        )

    def ask(self, statement: str, *parameters: str, database: str = _MAINTENANCE) -> int:
        """The one number that a statement gives."""
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
    """PostgreSQL and the models of SQS and DynamoDB, with a migrated database to copy.

    The model of SQS fills a receive from one group first, as AWS documents. Raises ProcessError.
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
