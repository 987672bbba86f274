"""The settings of Django's database: its login, and contradictions about its login and TLS."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from apps.common.postgresql.aws_logins import IamLogin, SecretLogin
from apps.common.postgresql.logins import FileLogin, Login, LoginSource
from config import secret_files
from config.url_parsers import parse_database_url

SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
# With these modes libpq checks the server's certificate. `require` does if there is a sslrootcert
# (libpq, "SSL Mode Descriptions").
CHECKING_MODES = ("require", "verify-ca", "verify-full")
# The certificates that the machine trusts, in place of a file. libpq then requires verify-full.
SYSTEM_ROOTS = "system"
_RDS_HOST = re.compile(r".+\.(?P<region>[a-z0-9-]+)\.rds\.amazonaws\.com(?:\.cn)?")


def login_source(
    *, database: dict[str, Any], password_file: str, secret_arn: str, iam_region: str
) -> LoginSource | None:
    """Return where each new connection gets its login, or None if DATABASE_URL has it for good."""
    if password_file:
        return FileLogin(
            setting="DATABASE_PASSWORD_FILE", path=Path(password_file), parse=_password_only
        )
    if secret_arn:
        return SecretLogin(arn=secret_arn)
    if iam_region:
        return IamLogin(
            host=database["HOST"],
            port=int(database["PORT"] or 5432),
            user=database["USER"],
            region=iam_region,
        )
    if url_file := secret_files.path_of("DATABASE_URL"):
        return FileLogin(setting="DATABASE_URL_FILE", path=url_file, parse=_login_of_url)
    return None


def database_problems(
    *, database: dict[str, Any], password_file: str, secret_arn: str, iam_region: str
) -> list[str]:
    """Return a sentence for each contradiction between the settings of the database."""
    sources = {
        "DATABASE_PASSWORD_FILE": password_file,
        "DATABASE_SECRET_ARN": secret_arn,
        "DATABASE_IAM_REGION": iam_region,
    }
    named = [name for name, value in sources.items() if value]
    problems = [
        *_login_problems(named, has_password=bool(database["PASSWORD"])),
        *secret_files.problems_of("DATABASE_PASSWORD_FILE", path=password_file),
    ]
    if iam_region:
        problems += _iam_problems(database, region=iam_region)
    return [*problems, *_tls_problems(database.get("OPTIONS", {}))]


def _login_problems(named: list[str], *, has_password: bool) -> Iterator[str]:
    if len(named) > 1:
        yield f"{named[1]}: must not be set together with {named[0]}. Unset one of them."
    if named and has_password:
        yield (
            f"{named[0]}: must not be set together with a password in DATABASE_URL. Remove the "
            "password from the URL, as in postgres://user@host:5432/database."
        )


def _iam_problems(database: dict[str, Any], *, region: str) -> Iterator[str]:
    if not database["HOST"] or not database["USER"]:
        yield "DATABASE_IAM_REGION: needs a host and a user in DATABASE_URL."
    if database.get("OPTIONS", {}).get("sslmode") != "verify-full":
        yield (
            "DATABASE_IAM_REGION: needs sslmode=verify-full in DATABASE_URL, because the token is "
            "sent like a password. For RDS, add ?sslmode=verify-full&sslrootcert= and the path of "
            "the bundle of RDS's certificates."
        )
    host = _RDS_HOST.fullmatch(database["HOST"])
    if host and host["region"] != region:
        yield (
            f"DATABASE_IAM_REGION: is {region}, but DATABASE_URL names a server in "
            f"{host['region']}."
        )


def _tls_problems(options: dict[str, Any]) -> Iterator[str]:
    mode, roots = options.get("sslmode"), options.get("sslrootcert")
    if mode is not None and mode not in SSL_MODES:
        yield f"DATABASE_URL: has an unknown sslmode. It must be one of {', '.join(SSL_MODES)}."
    elif roots and roots != SYSTEM_ROOTS and mode not in CHECKING_MODES:
        yield (
            "DATABASE_URL: has sslrootcert without sslmode=verify-full, so the server's "
            "certificate would not be checked."
        )
    for name in ("sslrootcert", "sslcert", "sslkey", "sslcrl"):
        path = options.get(name)
        if path and path != SYSTEM_ROOTS and not Path(str(path)).is_file():
            yield f"DATABASE_URL: there is no file at the path in {name}: {path}."


def _password_only(text: str) -> Login:
    return {"password": text}


def _login_of_url(text: str) -> Login:
    """Return the login in a database URL. Its other parts are those that the process began with."""
    database = parse_database_url(text)
    login = {"user": database["USER"], "password": database["PASSWORD"]}
    return {name: value for name, value in login.items() if value}
