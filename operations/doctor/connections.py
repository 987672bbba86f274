"""Findings about the connection to PostgreSQL: its failures, its TLS and the server's version."""

from django.conf import settings
from django.db import connection

from apps.common.postgresql.logins import NoLogin
from config.contradictions import is_loopback
from operations.doctor.credentials import GET_CREDENTIALS
from operations.doctor.findings import Finding, error, ok, warning

CONNECTION = "postgresql.connection"
VERSION = "postgresql.version"
ENCRYPTION = "postgresql.tls"
# The major versions that `make postgres-matrix` tests.
SUPPORTED_VERSIONS = range(14, 19)
# By a part of libpq's message.
_TLS_REMEDIES = {
    "does not match host name": (
        "The host in DATABASE_URL must be a name in the server's certificate. For RDS, use the "
        "endpoint, not an address or another name of it."
    ),
    "certificate verify failed": (
        "The file of sslrootcert in DATABASE_URL must have the certificate of the authority that "
        "issued the server's. For RDS, it is the bundle of the server's region."
    ),
    "server does not support SSL": (
        "Turn on TLS at the server (ssl = on). In a private network without TLS, remove sslmode "
        "from DATABASE_URL."
    ),
    "no encryption": (
        "The server requires TLS: add ?sslmode=verify-full and sslrootcert to DATABASE_URL."
    ),
    "private key file": (
        "The file of sslkey in DATABASE_URL must belong to this user, with mode 0600."
    ),
}


def failed_connection(failure: Exception) -> Finding:
    """Return a finding about a connection that could not be made."""
    address = connection.settings_dict
    if isinstance(failure.__cause__, NoLogin):
        return error(
            CONNECTION,
            f"There is no login for PostgreSQL: {failure}.",
            "Check that this user may read the file, or that this role may read the secret "
            f"(secretsmanager:GetSecretValue). For AWS: {GET_CREDENTIALS}",
        )
    found = f"Cannot connect to PostgreSQL: {first_line(failure)}"
    for part, remedy in _TLS_REMEDIES.items():
        if part in found:
            return error(CONNECTION, found, remedy)
    return error(
        CONNECTION,
        found,
        "Check DATABASE_URL (host, port, database, user, password) and that the server runs: "
        f"pg_isready --host {address['HOST']} --port {address['PORT'] or 5432}",
    )


def judge_version(version: str, *, major: int) -> Finding:
    """Return a finding about the version of the server."""
    oldest, newest = SUPPORTED_VERSIONS[0], SUPPORTED_VERSIONS[-1]
    if major not in SUPPORTED_VERSIONS:
        return warning(
            VERSION,
            f"The version is {version}. Only {oldest} to {newest} are supported.",
            f"Use a server of version {oldest} to {newest}, or test the service with this one "
            "before you rely on it.",
        )
    return ok(VERSION, f"The version is {version}. {oldest} to {newest} are supported.")


def judge_encryption(*, protocol: str | None, mode: str, host: str) -> Finding:
    """Return a finding about the protocol of TLS, or None for no TLS, and libpq's `sslmode`.

    An empty `host`, or the folder of a socket, is this machine.
    """
    remedy = (
        "Add ?sslmode=verify-full&sslrootcert= and the path of the authority's certificates to "
        "DATABASE_URL."
    )
    if protocol and mode == "verify-full":
        return ok(ENCRYPTION, f"The connection uses {protocol}, and the server is verified.")
    if not host or host.startswith("/") or is_loopback(host):
        return ok(ENCRYPTION, "The server is on this machine.")
    if protocol:
        return warning(
            ENCRYPTION,
            f"The connection uses {protocol}, but with sslmode={mode} another server could take "
            "the place of this one.",
            remedy,
        )
    return warning(
        ENCRYPTION, "The connection is not encrypted: the network sees what contacts write.", remedy
    )


def first_line(failure: Exception) -> str:
    """Return the first line of an error of the server or libpq, with the password masked."""
    line = str(failure).strip().partition("\n")[0]
    password = settings.DATABASES["default"].get("PASSWORD")
    return line.replace(password, "***") if password else line
