"""The login of a new connection comes from a file or from AWS Secrets Manager, as it is then."""

import json
import traceback
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import boto3
import psycopg2
import pytest
from django.db import OperationalError, connection

from apps.common.errors import Unavailable, database_may_be_unavailable
from apps.common.postgresql import aws_logins
from apps.common.postgresql.base import DatabaseWrapper
from apps.common.postgresql.logins import LoginSource
from config.database_settings import login_source
from embedded.stack import Stack
from operations.doctor.connections import failed_connection
from operations.management.outages import outage_sentence
from tests.support.endpoints import endpoint

ROLE, OTHER_ROLE = "rotated_role", "rotated_role_clone"
OLD, NEW = "old-pa55word", "new-pa55word"
REGION = "us-east-1"

pytestmark = pytest.mark.django_db


class Clock:
    """The seconds that a source counts with."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock that the test moves."""
    clock = Clock()
    monkeypatch.setattr("apps.common.postgresql.aws_logins.time", clock)
    return clock


@pytest.fixture
def administrator(stack: Stack) -> Iterator[Any]:
    """A cursor of a superuser. There are two roles with the old password."""
    with closing(psycopg2.connect(stack.database_url)) as session:
        session.autocommit = True
        with session.cursor() as cursor:
            for role in (ROLE, OTHER_ROLE):
                cursor.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{OLD}'")
            yield cursor
            for role in (ROLE, OTHER_ROLE):
                cursor.execute(f"DROP ROLE {role}")


class Secrets:
    """The secret of the database, in moto's Secrets Manager."""

    def __init__(self) -> None:
        self._client: Any = boto3.client("secretsmanager", region_name=REGION)
        answer = self._client.create_secret(Name="conversations", SecretString="{}")
        self.arn = answer["ARN"]

    def put(self, **fields: Any) -> None:
        """Replace the secret."""
        self.put_text(json.dumps(fields))

    def put_text(self, text: str) -> None:
        """Replace the secret by a text that may be no JSON."""
        self._client.put_secret_value(SecretId=self.arn, SecretString=text)

    def delete(self) -> None:
        """Delete the secret for good."""
        self._client.delete_secret(SecretId=self.arn, ForceDeleteWithoutRecovery=True)


@pytest.fixture
def secrets(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[Secrets]:
    """A secret that the sources of this process can read."""
    with endpoint("secrets_manager", stack.moto_url, monkeypatch=monkeypatch):
        secrets = Secrets()
        yield secrets
        secrets.delete()


def source_of(*, password_file: str = "", secret_arn: str = "") -> LoginSource:
    """Return the source that these settings mean."""
    source = login_source(
        database={}, password_file=password_file, secret_arn=secret_arn, iam_region=""
    )
    assert source
    return source


def connect(source: LoginSource | None, *, user: str = ROLE) -> str:
    """Connect as the service does, and return the role of the session. Raise Django's errors."""
    database = {"NAME": "postgres", "USER": user, "PASSWORD": "", "LOGIN": source}
    wrapper = DatabaseWrapper({**connection.settings_dict, **database})
    with closing(wrapper), wrapper.cursor() as cursor:
        cursor.execute("SELECT current_user")
        return str(cursor.fetchone()[0])


def test_the_password_of_a_file_is_read_for_each_connection(
    administrator: Any, tmp_path: Path
) -> None:
    file = tmp_path / "password"
    file.write_text(f"{OLD}\n")
    source = source_of(password_file=str(file))
    assert connect(source) == ROLE

    administrator.execute(f"ALTER ROLE {ROLE} PASSWORD '{NEW}'")
    with pytest.raises(OperationalError, match="password authentication failed"):
        connect(source)
    file.write_text(NEW)

    assert connect(source) == ROLE


def test_the_login_of_a_file_with_the_url_is_read_for_each_connection(
    administrator: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "url"
    file.write_text(f"postgres://{ROLE}:{OLD}@db.example/conversations")
    monkeypatch.setenv("DATABASE_URL_FILE", str(file))
    source = source_of()
    assert connect(source, user="nobody") == ROLE

    administrator.execute(f"ALTER ROLE {OTHER_ROLE} PASSWORD '{NEW}'")
    file.write_text(f"postgres://{OTHER_ROLE}:{NEW}@db.example/conversations\n")

    assert connect(source, user="nobody") == OTHER_ROLE


def test_dbshell_has_the_login_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text(OLD)
    database = {"PASSWORD": "", "USER": ROLE, "LOGIN": source_of(password_file=str(file))}
    settings = {**connection.settings_dict, **database}

    arguments, variables = DatabaseWrapper(settings).client.settings_to_cmd_args_env(settings, [])

    assert arguments[:3] == ["psql", "-U", ROLE]
    assert variables
    assert variables["PGPASSWORD"] == OLD
    assert OLD not in arguments


@pytest.mark.parametrize("contents", [None, "", "\n", b"\xff\xfe"])
def test_a_file_without_a_password_makes_postgresql_unavailable(
    tmp_path: Path, contents: str | bytes | None
) -> None:
    file = tmp_path / "password"
    if contents is not None:
        file.write_bytes(contents if isinstance(contents, bytes) else contents.encode())

    with pytest.raises(Unavailable) as caught, database_may_be_unavailable():
        connect(source_of(password_file=str(file)))

    assert str(caught.value) == "PostgreSQL is unavailable: NoLogin"
    assert "DATABASE_PASSWORD_FILE" in str(caught.value.__cause__)
    sentence = outage_sentence(caught.value)
    assert sentence
    assert sentence.startswith("There is no login for PostgreSQL: the file of DATABASE_PASSWORD_")


def test_a_secret_is_read_again_when_its_password_is_refused(
    administrator: Any, secrets: Secrets, clock: Clock
) -> None:
    secrets.put(username=ROLE, password=OLD, engine="postgres", host="db.example")
    source = source_of(secret_arn=secrets.arn)
    assert connect(source, user="") == ROLE

    administrator.execute(f"ALTER ROLE {ROLE} PASSWORD '{NEW}'")
    secrets.put(username=ROLE, password=NEW)
    clock.seconds += aws_logins.MIN_PAUSE

    assert connect(source, user="") == ROLE


def test_a_refused_password_is_not_looked_up_at_every_attempt(
    administrator: Any, secrets: Secrets, clock: Clock
) -> None:
    secrets.put(username=ROLE, password=OLD)
    source = source_of(secret_arn=secrets.arn)
    assert connect(source) == ROLE
    administrator.execute(f"ALTER ROLE {ROLE} PASSWORD '{NEW}'")
    secrets.put(username=ROLE, password=NEW)

    clock.seconds += aws_logins.MIN_PAUSE - 1
    with pytest.raises(OperationalError, match="password authentication failed"):
        connect(source)
    clock.seconds += 1

    assert connect(source) == ROLE


def test_a_secret_whose_user_alternates_is_followed_before_the_old_user_is_refused(
    administrator: Any, secrets: Secrets, clock: Clock
) -> None:
    secrets.put(username=ROLE, password=OLD)
    source = source_of(secret_arn=secrets.arn)
    assert connect(source, user="") == ROLE

    secrets.put(username=OTHER_ROLE, password=OLD)
    clock.seconds += aws_logins.MAX_AGE + 1

    assert connect(source, user="") == OTHER_ROLE


def test_the_user_of_the_url_counts_if_the_secret_has_none(
    administrator: Any, secrets: Secrets
) -> None:
    secrets.put(password=OLD)

    assert connect(source_of(secret_arn=secrets.arn), user=OTHER_ROLE) == OTHER_ROLE


def test_a_known_login_is_used_while_secrets_manager_fails(
    administrator: Any, secrets: Secrets, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    secrets.put(username=ROLE, password=OLD)
    source = source_of(secret_arn=secrets.arn)
    assert connect(source) == ROLE

    secrets.delete()
    clock.seconds += aws_logins.MAX_AGE + 1

    assert connect(source) == ROLE
    (record,) = caplog.records
    assert record.getMessage() == "database_secret_not_read"
    assert "ResourceNotFoundException" in vars(record)["reason"]


@pytest.mark.parametrize(
    "text", ["pa55word-1", '["pa55word-1"]', '{"pass": "pa55word-1"}', '{"password": ""}']
)
def test_a_secret_without_a_password_is_reported_without_its_text(
    secrets: Secrets, text: str
) -> None:
    secrets.put_text(text)

    with pytest.raises(OperationalError) as caught:
        connect(source_of(secret_arn=secrets.arn))

    finding = failed_connection(caught.value)
    assert finding.found == (
        "There is no login for PostgreSQL: the secret of DATABASE_SECRET_ARN is not a JSON object "
        "with a password."
    )
    assert "pa55word" not in "".join(traceback.format_exception(caught.value))


def test_a_secret_that_does_not_exist_is_reported_with_the_code_of_aws(secrets: Secrets) -> None:
    arn = secrets.arn.replace("conversations", "missing")

    with pytest.raises(OperationalError) as caught:
        connect(source_of(secret_arn=arn))

    finding = failed_connection(caught.value)
    assert "(ResourceNotFoundException)" in finding.found
    assert "secretsmanager:GetSecretValue" in finding.remedy
