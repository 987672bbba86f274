"""The time limits that PostgreSQL enforces for this service's role.

They are settings of the role in the database, so they apply to every session, even behind a pooler.
PgBouncer refuses or ignores the startup parameter `options`, and a `SET` would stay in the server
connection when another client gets it (PgBouncer, "ignore_startup_parameters" and "pool_mode").
"""

from collections.abc import Callable
from dataclasses import dataclass

from django.db import connection
from psycopg2 import sql


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeLimit:
    """A setting of PostgreSQL that limits a wait, and the value that `provision` sets."""

    setting: str
    value: str


# An event that reaches a limit is held and run again.
TIME_LIMITS = (
    TimeLimit(setting="lock_timeout", value="5s"),
    TimeLimit(setting="statement_timeout", value="30s"),
    # Without it, the session of a client that vanished in a transaction keeps its locks for hours.
    TimeLimit(setting="idle_in_transaction_session_timeout", value="30s"),
)


def missing_time_limits() -> list[TimeLimit]:
    """Return the time limits that this session does not have. Raise Django's database errors."""
    with connection.cursor() as cursor:
        # In milliseconds; 0 means no limit (PostgreSQL, "Client Connection Defaults").
        cursor.execute(
            "SELECT name FROM pg_settings WHERE name = ANY(%s) AND setting::bigint > 0",
            [[limit.setting for limit in TIME_LIMITS]],
        )
        in_force = {name for (name,) in cursor.fetchall()}
    return [limit for limit in TIME_LIMITS if limit.setting not in in_force]


def ensure_time_limits(*, report: Callable[[str], object] = lambda _change: None) -> None:
    """Set the missing time limits for new sessions of this role in this database.

    A role may change its own settings (PostgreSQL, "ALTER ROLE"). A limit that already has a value
    other than 0 is left as it is. Pass a sentence about each change to `report`. Raise Django's
    database errors.
    """
    for limit in missing_time_limits():
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_database()")
            (database,) = cursor.fetchone()
            cursor.execute(
                sql.SQL("ALTER ROLE CURRENT_USER IN DATABASE {} SET {} = {}").format(
                    sql.Identifier(database),
                    sql.Identifier(limit.setting),
                    sql.Literal(limit.value),
                )
            )
        report(
            f"The role {connection.settings_dict['USER']}: {limit.setting} was not set, and is now "
            f"{limit.value} for new sessions."
        )
