"""A PostgreSQL that archives its log, and can be restored to an earlier time."""

import os
import subprocess
from datetime import datetime
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import psycopg2

from embedded.network import LOOPBACK
from embedded.postgres import start_on_copy, start_postgres
from embedded.postgres_programs import installation
from embedded.processes import ProcessError, Supervisor

DATABASE = "conversations"
_TIMEOUT_SECONDS = 120.0
_POLL_SECONDS = 0.1


class RestorableDatabase:
    """The database of the service, with an archive of its log (write-ahead log, "WAL").

    Like Amazon RDS, a restore starts another server from a backup, which replays the log up to a
    time. Here it has the address of the former one.
    """

    def __init__(self, *, supervisor: Supervisor, root: Path, logs: Path) -> None:
        self._supervisor = supervisor
        self._logs = logs
        self._archive, self._backup = root / "archive", root / "backup"
        self._archive.mkdir(mode=0o700)
        self._backup.mkdir(mode=0o700)
        self._server = start_postgres(
            supervisor=supervisor,
            logs=logs,
            more_settings={
                "archive_mode": "on",
                "archive_command": f"cp %p {self._archive}/%f",
                # As a database in production, it loses no commit when it stops.
                "synchronous_commit": "on",
            },
        )
        self._give(self._archive)

    @property
    def url(self) -> str:
        """The address of the database, before and after a restore."""
        return self._server.url(database=DATABASE)

    def create(self) -> None:
        """Create the empty database when the server is ready. Raises ProcessError."""
        self._server.wait_until_ready()
        self._server.create_database(name=DATABASE)

    def back_up(self) -> None:
        """Make a base backup while the server runs. Raises ProcessError."""
        arguments = [
            *(installation() / "bin" / "pg_basebackup", "--pgdata", self._backup),
            *("--host", LOOPBACK, "--port", str(self._server.port), "--username", "postgres"),
            *("--checkpoint", "fast", "--wal-method", "fetch"),
        ]
        done = subprocess.run(
            list(map(str, arguments)),
            env={**os.environ, "PGPASSWORD": self._server.password},
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
        if done.returncode:
            raise ProcessError(f"pg_basebackup failed: {done.stderr}")

    def now(self) -> datetime:
        """Return the time by the clock of PostgreSQL, by which its log is restored."""
        at: datetime = self._value("SELECT clock_timestamp()")
        return at

    def stop(self) -> None:
        """Archive the end of the log, and stop the server."""
        segment = self._value("SELECT pg_walfile_name(pg_switch_wal())")
        deadline = monotonic() + _TIMEOUT_SECONDS
        while not (self._archive / segment).exists():
            if monotonic() > deadline:
                raise ProcessError("PostgreSQL did not archive the end of its log.")
            sleep(_POLL_SECONDS)
        self._server.process.stop()

    def restore(self, to: datetime) -> None:
        """Start a server from the backup with all commits up to a time. Raises ProcessError."""
        self._backup.joinpath("recovery.signal").touch()
        self._give(self._backup, *self._backup.rglob("*"))
        self._server = start_on_copy(
            self._server,
            supervisor=self._supervisor,
            log=self._logs / "postgres.log",
            data=self._backup,
            more_settings={
                "restore_command": f"cp {self._archive}/%f %p",
                "recovery_target_time": to.isoformat(),
                "recovery_target_action": "promote",
            },
        )
        self._server.wait_until_ready()
        deadline = monotonic() + _TIMEOUT_SECONDS
        while self._value("SELECT pg_is_in_recovery()"):
            if monotonic() > deadline:
                raise ProcessError("PostgreSQL did not end its recovery.")
            sleep(_POLL_SECONDS)

    def _value(self, statement: str) -> Any:
        connection = psycopg2.connect(self.url)
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement)
                (value,) = cursor.fetchone() or (None,)
                return value
        finally:
            connection.close()

    def _give(self, *paths: Path) -> None:
        """Make the account of the server the owner of files and folders."""
        if self._server.account:
            self._server.account.own(*paths)
