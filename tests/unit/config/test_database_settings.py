"""The settings of the database contradict each other in no way that a start could find."""

from pathlib import Path

import pytest

from apps.common.postgresql.aws_logins import IamLogin, SecretLogin
from apps.common.postgresql.logins import FileLogin
from config.database_settings import login_source
from config.environment import Environment
from tests.unit.config.test_environment import COMPLETE, problems, read_from

ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:conversations-AbCdEf"
WITHOUT_PASSWORD = "postgres://ana@db.example:5432/conversations"
RDS = "conversations.abcdefghijkl.us-east-1.rds.amazonaws.com"


@pytest.fixture
def roots(tmp_path: Path) -> Path:
    """A file that could contain certificates."""
    path = tmp_path / "roots.pem"
    path.write_text("certificates")
    return path


def source_in(environment: Environment) -> object:
    """Return where the login comes from."""
    return login_source(**environment.database_login())


def test_the_login_is_that_of_the_url_by_default() -> None:
    assert source_in(read_from(COMPLETE)) is None


def test_the_login_may_come_from_a_file_or_a_secret(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("pa55word")
    settings = {**COMPLETE, "DATABASE_URL": WITHOUT_PASSWORD}

    of_file = source_in(read_from({**settings, "DATABASE_PASSWORD_FILE": str(file)}))
    of_secret = source_in(read_from({**settings, "DATABASE_SECRET_ARN": ARN}))

    assert isinstance(of_file, FileLogin)
    assert of_file.current() == {"password": "pa55word"}
    assert isinstance(of_secret, SecretLogin)
    assert "pa55word" not in repr(of_file)


@pytest.mark.parametrize(("port", "expected"), [(":6432", 6432), ("", 5432)])
def test_a_token_is_for_the_host_port_and_user_of_the_url(
    roots: Path, port: str, expected: int
) -> None:
    url = f"postgres://ana@{RDS}{port}/conversations?sslmode=verify-full&sslrootcert={roots}"

    source = source_in(
        read_from({**COMPLETE, "DATABASE_URL": url, "DATABASE_IAM_REGION": "us-east-1"})
    )

    assert source == IamLogin(host=RDS, port=expected, user="ana", region="us-east-1")


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (
            {"DATABASE_SECRET_ARN": ARN},
            "DATABASE_SECRET_ARN: must not be set together with a password in DATABASE_URL. Remove "
            "the password from the URL, as in postgres://user@host:5432/database.",
        ),
        (
            {
                "DATABASE_URL": f"postgres://ana@{RDS}/chats?sslmode=verify-full",
                "DATABASE_SECRET_ARN": ARN,
                "DATABASE_IAM_REGION": "us-east-1",
            },
            "DATABASE_IAM_REGION: must not be set together with DATABASE_SECRET_ARN. Unset one of "
            "them.",
        ),
        (
            {"DATABASE_URL": WITHOUT_PASSWORD, "DATABASE_PASSWORD_FILE": "/nonexistent/password"},
            "DATABASE_PASSWORD_FILE: the file /nonexistent/password cannot be read (No such file "
            "or directory).",
        ),
        (
            {
                "DATABASE_URL": f"postgres://ana@{RDS}/chats?sslmode=verify-full",
                "DATABASE_IAM_REGION": "sa-east-1",
            },
            "DATABASE_IAM_REGION: is sa-east-1, but DATABASE_URL names a server in us-east-1.",
        ),
        (
            {
                "DATABASE_URL": "postgres:///chats?sslmode=verify-full",
                "DATABASE_IAM_REGION": "us-east-1",
            },
            "DATABASE_IAM_REGION: needs a host and a user in DATABASE_URL.",
        ),
        (
            {"DATABASE_URL": f"{WITHOUT_PASSWORD}?sslmode=on"},
            "DATABASE_URL: has an unknown sslmode. It must be one of disable, allow, prefer, "
            "require, verify-ca, verify-full.",
        ),
        (
            {"DATABASE_URL": f"{WITHOUT_PASSWORD}?sslmode=verify-full&sslrootcert=/nonexistent"},
            "DATABASE_URL: there is no file at the path in sslrootcert: /nonexistent.",
        ),
        (
            {"DATABASE_URL": f"{WITHOUT_PASSWORD}?sslcert=/dev/null&sslkey=/nonexistent"},
            "DATABASE_URL: there is no file at the path in sslcert: /dev/null.\n"
            "DATABASE_URL: there is no file at the path in sslkey: /nonexistent.",
        ),
    ],
)
def test_a_contradiction_is_reported(settings: dict[str, str], sentence: str) -> None:
    assert problems({**COMPLETE, **settings}) == sentence.splitlines()


def test_a_token_is_only_sent_to_a_verified_server() -> None:
    url = f"postgres://ana@{RDS}/chats?sslmode=require"

    (sentence,) = problems({**COMPLETE, "DATABASE_URL": url, "DATABASE_IAM_REGION": "us-east-1"})

    assert sentence.startswith("DATABASE_IAM_REGION: needs sslmode=verify-full in DATABASE_URL")


def test_certificates_that_nothing_would_be_checked_with_are_reported(roots: Path) -> None:
    url = f"{WITHOUT_PASSWORD}?sslrootcert={roots}"

    (sentence,) = problems({**COMPLETE, "DATABASE_URL": url})

    assert sentence.startswith("DATABASE_URL: has sslrootcert without sslmode=verify-full")


def test_the_certificates_of_the_system_are_accepted() -> None:
    url = f"{WITHOUT_PASSWORD}?sslrootcert=system"

    assert read_from({**COMPLETE, "DATABASE_URL": url}).DATABASE_URL["OPTIONS"] == {
        "sslrootcert": "system"
    }
