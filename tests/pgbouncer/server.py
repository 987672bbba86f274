"""Runs a PgBouncer for a PostgreSQL server, with default settings except for the pool."""

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg2

from embedded.accounts import unprivileged_account
from embedded.network import LOOPBACK, free_port
from embedded.processes import Command, supervisor
from tests.support.system_programs import PGBOUNCER

START_TIMEOUT_SECONDS = 20.0
# The number of sessions by mode. In session mode, each process of the service keeps a session. In
# transaction mode, there are fewer sessions than processes, so that the processes share them.
POOL_SIZES = {"session": 10, "transaction": 2}
_ROLE, _PASSWORD = "service", "for-this-run"


@contextmanager
def running_pgbouncer(*, database_url: str, pool_mode: str, logs: Path) -> Iterator[str]:
    """Yield the URL of the same database and role through PgBouncer.

    `pool_mode` is PgBouncer's: session or transaction. Raises ProcessError if it does not start.
    """
    program = PGBOUNCER.path()
    server = urlsplit(database_url)
    port = free_port()
    with supervisor() as processes:
        home = processes.temporary_directory()
        users, config = home / "users.txt", home / "pgbouncer.ini"
        users.write_text(f'"{server.username}" "{server.password}"\n')
        config.write_text(
            "[databases]\n"
            f"* = host={server.hostname} port={server.port}\n"
            "[pgbouncer]\n"
            f"listen_addr = {LOOPBACK}\nlisten_port = {port}\nunix_socket_dir =\n"
            f"auth_type = scram-sha-256\nauth_file = {users}\n"
            f"pool_mode = {pool_mode}\ndefault_pool_size = {POOL_SIZES[pool_mode]}\n"
        )
        # PgBouncer refuses to run as root.
        account = unprivileged_account() if os.geteuid() == 0 else None
        if account:
            home.chmod(0o711)
            account.own(users, config)
        process = processes.start(
            command=Command(
                name="pgbouncer",
                arguments=[program, config],
                environment={"PATH": os.defpath},
                working_directory=Path("/"),
                user=account.user if account else None,
                group=account.group if account else None,
            ),
            log=logs / f"pgbouncer-{pool_mode}.log",
        )
        url = urlunsplit(
            server._replace(netloc=f"{server.username}:{server.password}@{LOOPBACK}:{port}")
        )
        process.wait_until_ready(
            is_ready=lambda: _answers(url), timeout_seconds=START_TIMEOUT_SECONDS
        )
        yield url


def owned_by_a_role(admin_url: str) -> str:
    """Give the database to an ordinary role with a password, as PgBouncer needs; return its URL."""
    server = urlsplit(admin_url)
    with closing(psycopg2.connect(admin_url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE ROLE {_ROLE} LOGIN PASSWORD '{_PASSWORD}'")
            cursor.execute(f"ALTER DATABASE {server.path[1:]} OWNER TO {_ROLE}")
    netloc = f"{_ROLE}:{_PASSWORD}@{server.hostname}:{server.port}"
    return urlunsplit(server._replace(netloc=netloc))


def _answers(url: str) -> bool:
    try:
        psycopg2.connect(url, connect_timeout=2).close()
    except psycopg2.OperationalError:
        return False
    return True
