"""Logins to PostgreSQL from AWS: a secret of AWS Secrets Manager, or a token of IAM."""

import json
import logging
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from apps.common.aws import CallOptions, client_of_process
from apps.common.postgresql.logins import Login, NoLogin

logger = logging.getLogger(__name__)

# A connection waits for this call, so it takes at most ten seconds and a pause.
_CALL = CallOptions(connect_timeout=2, read_timeout=3, max_attempts=2)
# In seconds. A login that is older is read again for the next new connection.
MAX_AGE = 300.0
# In seconds, between two reads while connections fail.
MIN_PAUSE = 10.0


class SecretLogin:
    """The login in a secret, in the form that RDS and Secrets Manager write.

    A JSON object with `password` and, usually, `username`. It is kept for MAX_AGE, and read earlier
    if a connection fails. If it cannot be read, the newest known login stays in use.
    """

    def __init__(self, *, arn: str) -> None:
        self._arn = arn
        self._login: Login | None = None
        self._asked_at = 0.0

    def current(self) -> Login:
        """Return the login. Raise NoLogin if none could be read yet."""
        if self._login is None:
            return self._read()
        if time.monotonic() - self._asked_at > MAX_AGE:
            return self._read_again() or self._login
        return self._login

    def newer_than(self, used: Mapping[str, Any]) -> Login | None:
        """Return the login of the secret if it is another one by now, or None."""
        if time.monotonic() - self._asked_at < MIN_PAUSE:
            return None
        login = self._read_again()
        return login if login and not login.items() <= used.items() else None

    def _read_again(self) -> Login | None:
        try:
            return self._read()
        except NoLogin as failure:
            logger.warning("database_secret_not_read", extra={"reason": str(failure)})
            return None

    def _read(self) -> Login:
        self._asked_at = time.monotonic()
        # arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME
        region = self._arn.split(":")[3]
        try:
            client = client_of_process(os.getpid(), "secretsmanager", region, _CALL)
            text = client.get_secret_value(SecretId=self._arn).get("SecretString", "")
        except ClientError as error:
            raise NoLogin(_refusal(error.response["Error"].get("Code", ""))) from None
        except BotoCoreError as error:
            raise NoLogin(_refusal(type(error).__name__)) from None
        self._login = _login_in(text)
        return self._login


@dataclass(frozen=True, slots=True, kw_only=True)
class IamLogin:
    """A new token of IAM for each connection, as RDS and Aurora accept it in place of a password.

    Making a token is a computation, without a call. It must be used within 15 minutes.
    """

    host: str
    port: int
    user: str
    region: str

    def current(self) -> Login:
        """Return the user with a new token. Raise NoLogin without AWS credentials."""
        client = client_of_process(os.getpid(), "rds", self.region, _CALL)
        try:
            token = client.generate_db_auth_token(
                DBHostname=self.host, Port=self.port, DBUsername=self.user
            )
        except BotoCoreError as error:
            raise NoLogin(
                f"no token of IAM can be made without AWS credentials ({type(error).__name__})"
            ) from None
        return {"user": self.user, "password": token}

    def newer_than(self, used: Mapping[str, Any]) -> Login | None:
        """Return None: the token of the failed connection was new."""
        return None


def _refusal(reason: str) -> str:
    return f"AWS Secrets Manager does not return the secret of DATABASE_SECRET_ARN ({reason})"


def _login_in(text: str) -> Login:
    """Return the login in the JSON of a secret. Raise NoLogin."""
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    if not isinstance(document, dict) or not document.get("password"):
        raise NoLogin("the secret of DATABASE_SECRET_ARN is not a JSON object with a password")
    login = {"password": str(document["password"])}
    return login | {"user": str(document["username"])} if document.get("username") else login
