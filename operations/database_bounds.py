"""The time limits that PostgreSQL keeps for this service's role.

They are defaults of the role in the database, so they hold in every session, behind a pooler, too:
PgBouncer refuses the startup parameter `options` or ignores it, and a `SET` would follow the server
connection to another client (PgBouncer, "ignore_startup_parameters" and "pool_mode").
"""

from dataclasses import dataclass

from django.db import connection
from psycopg2 import sql


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """A setting of PostgreSQL that ends a wait, and the value that `provision` gives it."""

    setting: str
    value: str


# An event that meets a bound is held and run again, so what a slow neighbour can hold is bounded.
BOUNDS = (
    Bound(setting="lock_timeout", value="5s"),
    Bound(setting="statement_timeout", value="30s"),
)


def missing_bounds() -> list[Bound]:
    """Return the bounds that are not in force in this session. Raises Django's database errors."""
    with connection.cursor() as cursor:
        # In milliseconds; 0 means no limit (PostgreSQL, "Client Connection Defaults").
        cursor.execute(
            "SELECT name FROM pg_settings WHERE name = ANY(%s) AND setting::bigint > 0",
            [[bound.setting for bound in BOUNDS]],
        )
        in_force = {name for (name,) in cursor.fetchall()}
    return [bound for bound in BOUNDS if bound.setting not in in_force]


def ensure_bounds() -> None:
    """Set the bounds that are missing, for new sessions of this role in this database.

    A role may change its own defaults (PostgreSQL, "ALTER ROLE"). A bound that somebody has set to
    another value stays as it is. Raises Django's database errors.
    """
    for bound in missing_bounds():
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_database()")
            (database,) = cursor.fetchone()
            cursor.execute(
                sql.SQL("ALTER ROLE CURRENT_USER IN DATABASE {} SET {} = {}").format(
                    sql.Identifier(database),
                    sql.Identifier(bound.setting),
                    sql.Literal(bound.value),
                )
            )
