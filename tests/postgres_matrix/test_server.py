"""What depends on the server itself: its version, and TLS."""

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote, urlsplit

import psycopg2
import pytest
from django.db import OperationalError, connection

from apps.common.postgresql.base import DatabaseWrapper
from config.url_parsers import parse_database_url
from embedded.accounts import unprivileged_account
from embedded.postgres import PostgresServer, parent_of_clusters, start_postgres
from embedded.processes import supervisor
from operations.doctor import postgresql
from operations.doctor.findings import Status
from tests.postgres_matrix.selection import MAJOR
from tests.support.certificates import Authority


@pytest.mark.django_db
def test_the_doctor_supports_the_version_that_this_run_tests() -> None:
    finding = {finding.check: finding for finding in postgresql.check()}["postgresql.version"]

    assert finding.status is Status.OK
    assert finding.found.startswith(f"The version is {os.environ[MAJOR]}.")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """The authority that the server's certificate comes from."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def server(
    authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PostgresServer]:
    """A server that requires TLS, with a certificate for localhost."""
    with supervisor() as processes:
        folder = processes.temporary_directory(parent=parent_of_clusters())
        certificate, key = (
            path.rename(folder / path.name) for path in authority.issue("localhost")
        )
        if os.geteuid() == 0:
            folder.chmod(0o711)
            unprivileged_account().own(certificate, key)
        server = start_postgres(
            supervisor=processes,
            logs=tmp_path_factory.mktemp("logs"),
            more_settings={
                "ssl": "on",
                "ssl_cert_file": str(certificate),
                "ssl_key_file": str(key),
            },
        )
        server.wait_until_ready()
        with closing(psycopg2.connect(server.url(database="postgres"))) as session:
            session.autocommit = True
            with session.cursor() as cursor:
                cursor.execute("SHOW hba_file")
                (path,) = cursor.fetchone() or ()
                Path(path).write_text("hostssl all all 127.0.0.1/32 scram-sha-256\n")
                cursor.execute("SELECT pg_reload_conf()")
        yield server


def refusal(server: PostgresServer, *, host: str, query: str) -> str | None:
    """Connect as the service does. Return the error, or None if the connection uses TLS."""
    parts = urlsplit(server.url(database="postgres"))
    url = f"postgres://{parts.username}:{parts.password}@{host}:{parts.port}{parts.path}?{query}"
    database = parse_database_url(f"{url}&hostaddr=127.0.0.1")
    wrapper = DatabaseWrapper({**connection.settings_dict, **database})
    with closing(wrapper):
        try:
            wrapper.ensure_connection()
        except OperationalError as error:
            return str(error)
        assert wrapper.connection.info.ssl_in_use
        return None


@pytest.mark.django_db
def test_the_options_of_libpq_for_tls_work_in_the_url(
    server: PostgresServer, authority: Authority, tmp_path: Path
) -> None:
    verified = f"sslmode=verify-full&sslrootcert={quote(str(authority.certificate))}"
    another = Authority(tmp_path, name="another")
    by_another = f"sslmode=verify-full&sslrootcert={quote(str(another.certificate))}"

    assert refusal(server, host="localhost", query=verified) is None
    assert refusal(server, host="localhost", query="sslmode=require") is None
    assert "does not match host name" in str(refusal(server, host="db.example", query=verified))
    assert "certificate verify failed" in str(refusal(server, host="localhost", query=by_another))
    assert "no encryption" in str(refusal(server, host="localhost", query="sslmode=disable"))
