"""Connections with TLS, by what DATABASE_URL says about certificates, and logins with IAM."""

import hashlib
import hmac
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import pytest
from django.db import OperationalError, connection

from apps.common.postgresql.base import DatabaseWrapper
from apps.common.postgresql.logins import NoLogin
from config.database_settings import login_source
from config.url_parsers import parse_database_url
from embedded.stack import Stack
from operations.doctor import postgresql
from operations.doctor.connections import failed_connection
from operations.doctor.findings import Status
from tests.support.certificates import Authority
from tests.support.tls_gate import tls_gate

USER = "iam_user"
REGION = "eu-west-1"
AT_ONCE = 60.0

pytestmark = pytest.mark.django_db


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """The authority that the server's certificate comes from."""
    return Authority(tmp_path)


@pytest.fixture
def port(stack: Stack, authority: Authority) -> Iterator[int]:
    """The port of a server with TLS whose certificate is for localhost."""
    with tls_gate(upstream=address(stack), certificate=authority.issue("localhost")) as port:
        yield port


def address(stack: Stack) -> tuple[str, int]:
    """Return the address of the stack's PostgreSQL."""
    parts = urlsplit(stack.database_url)
    return str(parts.hostname), int(parts.port or 0)


def url_of(stack: Stack, *, port: int, host: str = "localhost", query: str) -> str:
    """Return the URL of the stack's database through a port."""
    parts = urlsplit(stack.database_url)
    login = f"{parts.username}:{parts.password}"
    return f"postgres://{login}@{host}:{port}{parts.path}?hostaddr=127.0.0.1&{query}"


@contextmanager
def connected(database: dict[str, Any]) -> Iterator[Any]:
    """Yield psycopg2's connection with these settings of the database."""
    wrapper = DatabaseWrapper({**connection.settings_dict, **database})
    with closing(wrapper):
        wrapper.ensure_connection()
        yield wrapper.connection


def test_a_server_with_the_right_certificate_is_verified(
    stack: Stack, port: int, authority: Authority
) -> None:
    query = f"sslmode=verify-full&sslrootcert={quote(str(authority.certificate))}"

    with connected(parse_database_url(url_of(stack, port=port, query=query))) as session:
        assert session.info.ssl_in_use
        assert session.info.ssl_attribute("protocol").startswith("TLSv1.")


@pytest.mark.parametrize(
    ("host", "trusts_another", "found", "remedy"),
    [
        ("db.example", False, 'does not match host name "db.example"', "The host in DATABASE_URL"),
        ("localhost", True, "certificate verify failed", "The file of sslrootcert"),
    ],
    ids=["another host name", "another authority"],
)
def test_a_server_that_cannot_be_verified_is_refused_with_a_remedy(
    stack: Stack,
    port: int,
    authority: Authority,
    tmp_path: Path,
    host: str,
    trusts_another: bool,
    found: str,
    remedy: str,
) -> None:
    trusted = Authority(tmp_path, name="another") if trusts_another else authority
    query = f"sslmode=verify-full&sslrootcert={quote(str(trusted.certificate))}"
    database = parse_database_url(url_of(stack, port=port, host=host, query=query))

    with pytest.raises(OperationalError) as caught, connected(database):
        pass

    finding = failed_connection(caught.value)
    assert (finding.check, finding.status) == ("postgresql.connection", Status.ERROR)
    assert found in finding.found
    assert finding.remedy.startswith(remedy)
    assert database["PASSWORD"] not in finding.found + finding.remedy


def test_a_server_without_tls_is_refused_if_tls_is_required(stack: Stack) -> None:
    query = "sslmode=require"
    database = parse_database_url(url_of(stack, port=address(stack)[1], query=query))

    with pytest.raises(OperationalError) as caught, connected(database):
        pass

    assert failed_connection(caught.value).remedy.startswith("Turn on TLS at the server")


def test_the_doctor_says_whether_the_connection_is_encrypted() -> None:
    findings = {finding.check: finding for finding in postgresql.check()}

    assert findings["postgresql.tls"].found == "The server is on this machine."


def rds_accepts(user: str, token: str, *, port: int) -> bool:
    """Return whether RDS would accept a token: a request that is signed (AWS, "SigV4")."""
    parts = urlsplit(f"https://{token}")
    values = dict(parse_qsl(parts.query))
    signature = values.pop("X-Amz-Signature")
    day, region, service, kind = values["X-Amz-Credential"].split("/")[1:]
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in sorted(values.items()))
    empty = hashlib.sha256(b"").hexdigest()
    request = f"GET\n/\n{query}\nhost:{parts.netloc}\n\nhost\n{empty}"
    signed = "\n".join(
        [
            "AWS4-HMAC-SHA256",
            values["X-Amz-Date"],
            f"{day}/{region}/{service}/{kind}",
            hashlib.sha256(request.encode()).hexdigest(),
        ]
    )
    key = b"AWS4testing"
    for part in (day, region, service, kind, signed):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    made_at = datetime.strptime(values["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    age = (datetime.now(UTC) - made_at).total_seconds()
    expected = {"Action": "connect", "DBUser": user, "X-Amz-Expires": "900"}
    return (
        key.hex() == signature
        and expected.items() <= values.items()
        and parts.netloc == f"localhost:{port}"
        and (region, service, kind) == (REGION, "rds-db", "aws4_request")
        and age < AT_ONCE
    )


@contextmanager
def trusted_role() -> Iterator[None]:
    """Create a role that PostgreSQL trusts, because the gate has checked it already."""
    wrapper = DatabaseWrapper(connection.settings_dict.copy())
    with closing(wrapper), wrapper.cursor() as cursor:
        cursor.execute("SHOW hba_file")
        rules = Path(cursor.fetchone()[0])
        before = rules.read_text()
        rules.write_text(f"host all {USER} 127.0.0.1/32 trust\n{before}")
        cursor.execute(f"CREATE ROLE {USER} LOGIN")
        cursor.execute("SELECT pg_reload_conf()")
        try:
            yield
        finally:
            rules.write_text(before)
            cursor.execute(f"DROP ROLE {USER}")
            cursor.execute("SELECT pg_reload_conf()")


def iam_settings(url: str, *, region: str = REGION) -> dict[str, Any]:
    """Return the settings of the database with DATABASE_IAM_REGION."""
    database = parse_database_url(url)
    login = login_source(database=database, password_file="", secret_arn="", iam_region=region)
    return {**database, "LOGIN": login}


def test_each_connection_has_a_token_of_iam(stack: Stack, authority: Authority) -> None:
    tokens: list[str] = []

    def check(user: str, token: str) -> bool:
        tokens.append(token)
        return rds_accepts(user, token, port=gate)

    certificate = authority.issue("localhost")
    roots = quote(str(authority.certificate))
    with (
        tls_gate(upstream=address(stack), certificate=certificate, check=check) as gate,
        trusted_role(),
    ):
        url = (
            f"postgres://{USER}@localhost:{gate}/postgres"
            f"?hostaddr=127.0.0.1&sslmode=verify-full&sslrootcert={roots}"
        )
        for _ in range(2):
            with connected(iam_settings(url)) as session, session.cursor() as cursor:
                cursor.execute("SELECT current_user")
                assert cursor.fetchone() == (USER,)

        with (
            pytest.raises(OperationalError, match="PAM authentication failed"),
            connected(iam_settings(url, region="us-east-1")),
        ):
            pass
    assert len(tokens) == 3


def test_without_aws_credentials_there_is_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    class NoCredentials:
        def generate_db_auth_token(self, **_parameters: Any) -> str:
            from botocore.exceptions import NoCredentialsError

            raise NoCredentialsError

    monkeypatch.setattr(
        "apps.common.postgresql.aws_logins.client_of_process", lambda *_options: NoCredentials()
    )
    database = iam_settings(f"postgres://{USER}@localhost:5432/postgres")

    with pytest.raises(OperationalError) as caught, connected(database):
        pass

    assert isinstance(caught.value.__cause__, NoLogin)
    assert failed_connection(caught.value).found == (
        "There is no login for PostgreSQL: no token of IAM can be made without AWS credentials "
        "(NoCredentialsError)."
    )
