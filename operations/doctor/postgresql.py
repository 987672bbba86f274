"""PostgreSQL: connection, version, migrations and permissions."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from django.apps import apps
from django.conf import settings
from django.db import DatabaseError, InterfaceError, NotSupportedError, connection, transaction
from django.db.migrations.executor import MigrationExecutor

from operations.database_bounds import BOUNDS, missing_bounds
from operations.doctor.findings import Finding, error, ok, skipped

CONNECTION = "postgresql.connection"
VERSION = "postgresql.version"
WRITABLE = "postgresql.writable"
MIGRATIONS = "postgresql.migrations"
PERMISSIONS = "postgresql.permissions"
BOUNDS_IN_FORCE = "postgresql.bounds"

# PostgreSQL's documentation, "System Information Functions": a list of privileges would be an "or".
LACKING = """
SELECT name, privilege
FROM unnest(%s) AS name, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS privilege
WHERE to_regclass(quote_ident(name)) IS NOT NULL
  AND NOT has_table_privilege(to_regclass(quote_ident(name)), privilege)
ORDER BY name, privilege
"""


@contextmanager
def bounded() -> Iterator[None]:
    """A transaction in which every statement ends within five seconds; connecting takes as long.

    Raises Django's database errors.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = '5s'")
        yield


def check() -> Iterator[Finding]:
    """All that is asked of PostgreSQL, with the settings and the role of this program."""
    try:
        connection.ensure_connection()
    except NotSupportedError as failure:
        # Django refuses to use an older server than it supports, and says both versions.
        yield ok(CONNECTION, "It answers.")
        yield error(VERSION, _first_line(failure), "Upgrade PostgreSQL: pg_upgrade, or a new host.")
        yield from (skipped(name, f"Not asked: see {VERSION}.") for name in list(LOOKS)[1:])
    except (DatabaseError, InterfaceError) as failure:
        yield _not_connected(failure)
        yield from (skipped(name, f"Not asked: see {CONNECTION}.") for name in LOOKS)
    else:
        yield ok(CONNECTION, "It answers.")
        for name, look in LOOKS.items():
            try:
                yield look()
            except (DatabaseError, InterfaceError) as failure:
                yield error(name, _first_line(failure), "See what the checks before this one say.")


def _not_connected(failure: Exception) -> Finding:
    address = connection.settings_dict
    return error(
        CONNECTION,
        f"PostgreSQL does not let this program in: {_first_line(failure)}",
        "Check DATABASE_URL (host, port, database, user, password) and that the server runs: "
        f"pg_isready --host {address['HOST']} --port {address['PORT'] or 5432}",
    )


def _version() -> Finding:
    with bounded(), connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        (version,) = cursor.fetchone()
    needed = ".".join(str(part) for part in connection.features.minimum_database_version or ())
    return ok(VERSION, f"{version}; at least {needed} is needed.")


def _writable() -> Finding:
    with bounded(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_is_in_recovery(), current_setting('default_transaction_read_only')"
        )
        is_standby, read_only = cursor.fetchone()
    if is_standby:
        return error(
            WRITABLE,
            "It is a standby, which takes no writes.",
            "Set DATABASE_URL to the primary server.",
        )
    if read_only == "on":
        return error(
            WRITABLE,
            "Its transactions are read-only by default.",
            "As the database's owner: ALTER DATABASE ... RESET default_transaction_read_only "
            "(or ALTER ROLE ... RESET ...)",
        )
    return ok(WRITABLE, "It takes writes.")


def _migrations() -> Finding:
    with bounded():
        executor = MigrationExecutor(connection)
        plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if plan:
        names = [f"{migration.app_label}.{migration.name}" for migration, _backwards in plan]
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        return error(
            MIGRATIONS,
            f"Not applied: {', '.join(names[:3])}{more}.",
            "Run: python manage.py migrate",
        )
    return ok(MIGRATIONS, "All are applied.")


def _permissions() -> Finding:
    tables = [model._meta.db_table for model in apps.get_models(include_auto_created=True)]
    with bounded(), connection.cursor() as cursor:
        cursor.execute(LACKING, [tables])
        lacking: list[tuple[str, str]] = cursor.fetchall()
    if lacking:
        said = ", ".join(f"{privilege} on {table}" for table, privilege in lacking[:3])
        more = f" and {len(lacking) - 3} more" if len(lacking) > 3 else ""
        return error(
            PERMISSIONS,
            f"{connection.settings_dict['USER']} lacks {said}{more}.",
            "As the tables' owner: GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA "
            f'public TO "{connection.settings_dict["USER"]}"',
        )
    return ok(PERMISSIONS, "Every table that is there may be read and written.")


def _bounds() -> Finding:
    # Not within `bounded`, which sets one of them itself.
    missing = [bound.setting for bound in missing_bounds()]
    if missing:
        return error(
            BOUNDS_IN_FORCE,
            f"No limit is in force for {' and '.join(missing)}: a locked row or a slow statement "
            "would hold a worker for ever.",
            "Run: python manage.py provision, then restart the workers, and the pooler if there is "
            "one (PgBouncer: RECONNECT), so that their sessions begin anew.",
        )
    return ok(BOUNDS_IN_FORCE, f"{' and '.join(bound.setting for bound in BOUNDS)} have limits.")


LOOKS: Mapping[str, Callable[[], Finding]] = {
    VERSION: _version,
    WRITABLE: _writable,
    MIGRATIONS: _migrations,
    PERMISSIONS: _permissions,
    BOUNDS_IN_FORCE: _bounds,
}


def _first_line(failure: Exception) -> str:
    """What the server or libpq says, without the password, should it ever be in it."""
    line = str(failure).strip().partition("\n")[0]
    password = settings.DATABASES["default"].get("PASSWORD")
    return line.replace(password, "***") if password else line
