"""Changes that make the database unusable for a while, as a failover or a deployment may do.

`{database}` stands for the name of the database.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg2
from psycopg2 import errors, sql

_BETWEEN_ATTEMPTS = 0.05
# Changes neither make these sessions read-only nor block them for long.
_OPTIONS = "-c default_transaction_read_only=off -c lock_timeout=3s"
CUT_CONNECTIONS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """The statements that make a change, and those that undo it."""

    begin: Sequence[str]
    end: Sequence[str]


# Connections that are still open when the change is undone stay read-only.
READ_ONLY = Change(
    begin=("ALTER DATABASE {database} SET default_transaction_read_only = on", CUT_CONNECTIONS),
    end=("ALTER DATABASE {database} RESET default_transaction_read_only",),
)
MISSING_TABLE = Change(
    begin=("ALTER TABLE conversations_conversation RENAME TO not_migrated",),
    end=("ALTER TABLE not_migrated RENAME TO conversations_conversation",),
)
MISSING_FUNCTION = Change(
    begin=("ALTER FUNCTION conversations_find_or_open_v2 RENAME TO not_migrated",),
    end=("ALTER FUNCTION not_migrated RENAME TO conversations_find_or_open_v2",),
)


@contextmanager
def session(database_url: str) -> Iterator[Any]:
    """Yield a new session, which the changes do not affect, and close it."""
    with closing(psycopg2.connect(database_url, connect_timeout=2, options=_OPTIONS)) as connection:
        yield connection


def execute(statements: Sequence[str], *, database_url: str) -> None:
    """Execute statements of a change, each in a transaction of its own."""
    with session(database_url) as connection:
        connection.autocommit = True
        database = sql.Identifier(connection.info.dbname)
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(sql.SQL(statement).format(database=database))


def attempt(
    statements: Sequence[str], *, database_url: str, may_continue: Callable[[], bool]
) -> None:
    """Execute statements, and try again while PostgreSQL is down, as long as `may_continue`.

    An error about a missing table or function means that the rename has been done already.
    """
    while may_continue():
        try:
            execute(statements, database_url=database_url)
        except (errors.UndefinedTable, errors.UndefinedFunction):
            return
        except (psycopg2.OperationalError, psycopg2.InterfaceError, errors.InternalError_):
            # PostgreSQL raises an InternalError if another session alters the database at the same
            # time.
            time.sleep(_BETWEEN_ATTEMPTS)
        else:
            return
