"""Checks PostgreSQL: connection, version, migrations, permissions and time limits."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from django.apps import apps
from django.db import DatabaseError, InterfaceError, NotSupportedError, connection, transaction
from django.utils.translation import gettext as _

from apps.common.migrations import missing_migrations
from operations.database_time_limits import TIME_LIMITS, missing_time_limits
from operations.doctor.connections import (
    CONNECTION,
    ENCRYPTION,
    VERSION,
    failed_connection,
    first_line,
    judge_encryption,
    judge_version,
)
from operations.doctor.event_trial import EVENT, try_event
from operations.doctor.findings import Finding, error, ok, skipped

WRITABLE = "postgresql.writable"
MIGRATIONS = "postgresql.migrations"
PERMISSIONS = "postgresql.permissions"
TIME_LIMITS_SET = "postgresql.bounds"

# One privilege each, because a list of privileges would mean any of them (PostgreSQL, "System
# Information Functions").
MISSING_PRIVILEGES = """
SELECT name, privilege
FROM unnest(%s) AS name, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS privilege
WHERE to_regclass(quote_ident(name)) IS NOT NULL
  AND NOT has_table_privilege(to_regclass(quote_ident(name)), privilege)
ORDER BY name, privilege
"""


@contextmanager
def short_transaction(*, seconds: float = 5.0) -> Iterator[None]:
    """Open a transaction in which each statement ends within this time.

    Raise Django's database errors.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = %s", [f"{seconds * 1000:.0f}ms"])
        yield


def is_read_only() -> bool:
    """Return whether new transactions cannot write. Raise Django's database errors."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_is_in_recovery() OR current_setting('default_transaction_read_only') = 'on'"
        )
        (answer,) = cursor.fetchone()
    return bool(answer)


def check() -> Iterator[Finding]:
    """Yield findings about PostgreSQL, with the settings and the role of this process."""
    try:
        connection.ensure_connection()
    except NotSupportedError as failure:
        # Django refuses a server that is too old. Its error has both versions.
        yield ok(CONNECTION, "PostgreSQL responds.")
        yield error(VERSION, first_line(failure), "Upgrade PostgreSQL: pg_upgrade, or a new host.")
        yield from (skipped(name, f"Not checked: see {VERSION}.") for name in list(CHECKS)[1:])
    except (DatabaseError, InterfaceError) as failure:
        yield failed_connection(failure)
        yield from (skipped(name, f"Not checked: see {CONNECTION}.") for name in CHECKS)
    else:
        yield ok(CONNECTION, "PostgreSQL responds.")
        for name, run_check in CHECKS.items():
            try:
                yield run_check()
            except (DatabaseError, InterfaceError) as failure:
                yield error(name, first_line(failure), "See the findings before this one.")


def _version() -> Finding:
    with short_transaction(), connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        (version,) = cursor.fetchone()
    major = connection.connection.info.server_version // 10_000
    return judge_version(version, major=major)


def _encryption() -> Finding:
    session, options = connection.connection.info, connection.settings_dict["OPTIONS"]
    return judge_encryption(
        # libpq's own view: behind a pooler, the connection to the pooler counts.
        protocol=session.ssl_attribute("protocol") if session.ssl_in_use else None,
        mode=options.get("sslmode", "prefer"),
        host=session.host or "",
    )


def _writable() -> Finding:
    with short_transaction(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_is_in_recovery(), current_setting('default_transaction_read_only'),"
            " quote_ident(current_database()), quote_ident(current_user)"
        )
        is_standby, read_only, database, role = cursor.fetchone()
    if is_standby:
        return error(
            WRITABLE,
            "The server is a standby, which is read-only.",
            "Set DATABASE_URL to the primary server.",
        )
    if read_only == "on":
        return error(
            WRITABLE,
            "Transactions are read-only by default.",
            "Find out who has set that. To end it, run as the database's owner, in one session: "
            "SET default_transaction_read_only = off; "
            f"ALTER DATABASE {database} RESET default_transaction_read_only; "
            f"ALTER ROLE {role} RESET default_transaction_read_only;",
        )
    return ok(WRITABLE, "The server accepts writes.")


def _migrations() -> Finding:
    with short_transaction():
        return judge_migrations(missing_migrations())


def judge_migrations(names: Sequence[str]) -> Finding:
    """Return a finding about the migrations that are not applied."""
    if names:
        sentence = _("Migrations are not applied: %(names)s.")
        if len(names) > 3:
            sentence = _("Migrations are not applied: %(names)s and %(more)d more.")
        return error(
            MIGRATIONS,
            sentence % {"names": ", ".join(names[:3]), "more": len(names) - 3},
            "Run: python manage.py migrate",
        )
    return ok(MIGRATIONS, _("All migrations are applied."))


def _permissions() -> Finding:
    tables = [model._meta.db_table for model in apps.get_models(include_auto_created=True)]
    with short_transaction(), connection.cursor() as cursor:
        cursor.execute(MISSING_PRIVILEGES, [tables])
        lacking: list[tuple[str, str]] = cursor.fetchall()
    if lacking:
        missing = ", ".join(f"{privilege} on {table}" for table, privilege in lacking[:3])
        more = f" and {len(lacking) - 3} more" if len(lacking) > 3 else ""
        return error(
            PERMISSIONS,
            f"{connection.settings_dict['USER']} lacks {missing}{more}.",
            "Run as the tables' owner: GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN "
            f'SCHEMA public TO "{connection.settings_dict["USER"]}"',
        )
    return ok(PERMISSIONS, "All existing tables can be read and written.")


def _time_limits() -> Finding:
    # Not within `short_transaction`, which sets one of these limits.
    missing = [limit.setting for limit in missing_time_limits()]
    if missing:
        return error(
            TIME_LIMITS_SET,
            f"There is no {' and no '.join(missing)}: a locked row or a slow statement could block "
            "a worker for ever.",
            "Run: python manage.py provision. Then restart the workers and the pooler, if there is "
            "one (PgBouncer: RECONNECT), so that they open new sessions.",
        )
    return ok(TIME_LIMITS_SET, f"{' and '.join(limit.setting for limit in TIME_LIMITS)} are set.")


def _event() -> Finding:
    with short_transaction():
        return try_event()


CHECKS: Mapping[str, Callable[[], Finding]] = {
    VERSION: _version,
    ENCRYPTION: _encryption,
    WRITABLE: _writable,
    MIGRATIONS: _migrations,
    PERMISSIONS: _permissions,
    TIME_LIMITS_SET: _time_limits,
    EVENT: _event,
}
