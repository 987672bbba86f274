"""The servers that all subjects share. Each subject has its own queue, table and database.

PostgreSQL counts statements with its module pg_stat_statements.
"""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg2
from psycopg2 import sql

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
_NOT_COUNTING = "-c pg_stat_statements.track=none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """The queue, table and database of one subject."""

    name: str
    environment: Mapping[str, str]
    queue: LightQueue
    servers: "Servers"

    @property
    def table(self) -> str:
        """The name of the DynamoDB table."""
        return self.environment["DYNAMODB_MESSAGE_TABLE"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Servers:
    """Running servers. Logs are written to `directory`."""

    sqs: SqsServer
    dynamodb: DynamoDbServer
    postgres: PostgresServer
    directory: Path

    @contextmanager
    def stage(self, name: str, **settings: str) -> Iterator[Stage]:
        """Create a queue, a table and a migrated database, named after `name`.

        `settings` are additional settings of the service. The counts of the servers are reset to 0.
        Raises ProcessError.
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
        with closing(LightQueue(queue_url=environment["SQS_CONVERSATION_QUEUE_URL"])) as queue:
            yield Stage(name=name, environment=environment, queue=queue, servers=self)

    def migrate(self) -> None:
        """Create the database that is copied for each stage. Raises ProcessError."""
        self._execute(sql.SQL("CREATE EXTENSION pg_stat_statements"))
        self.postgres.create_database(name=_TEMPLATE)
        run_manage(
            arguments=["migrate", "--no-input"],
            environment=self._environment(_TEMPLATE),
            logs=self.directory,
        )

    def query_number(self, statement: str, *parameters: str, database: str = _MAINTENANCE) -> int:
        """Run a statement whose only result is a number, and return the number.

        The statement itself is not counted.
        """
        address = self.postgres.url(database=database)
        with (
            closing(psycopg2.connect(address, options=_NOT_COUNTING)) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(statement, parameters)
            ((number,),) = cursor.fetchall()
        return int(number)

    def execute(self, statement: str, *, database: str) -> None:
        """Run a statement that returns nothing. It is not counted."""
        self._execute(sql.SQL(statement), database=database)

    def _execute(self, statement: sql.Composable, *, database: str = _MAINTENANCE) -> None:
        address = self.postgres.url(database=database)
        with closing(psycopg2.connect(address, options=_NOT_COUNTING)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement)

    def _environment(self, name: str) -> dict[str, str]:
        return {
            **service_environment(
                database_url=self.postgres.url(database=name),
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
def running_servers(**settings: str) -> Iterator[Servers]:
    """Run PostgreSQL and the models of SQS and DynamoDB, with a migrated database to copy.

    `settings` are additional parameters of postgresql.conf. The model of SQS fills a batch from one
    group first, as AWS documents. Raises ProcessError.
    """
    with (
        supervisor() as processes,
        running_sqs_server(greedy=True) as sqs,
        running_dynamodb_server() as dynamodb,
    ):
        directory = processes.temporary_directory()
        postgres = start_postgres(
            supervisor=processes, logs=directory, more_settings=_COUNTING | settings
        )
        postgres.wait_until_ready()
        servers = Servers(sqs=sqs, dynamodb=dynamodb, postgres=postgres, directory=directory)
        servers.migrate()
        yield servers
