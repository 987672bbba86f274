"""The AWS credentials of this command, fetched with a time limit, and a check of them."""

from collections.abc import Iterator
from datetime import timedelta
from threading import Thread
from typing import Any

from apps.common import aws_session
from apps.common.clock import now
from apps.common.durations import as_text
from celery_sqs_fifo import AWS_SETTINGS_ERRORS
from operations.doctor.findings import Finding, error, ok, warning

CREDENTIALS = "aws.credentials"
# In seconds. botocore itself would wait for minutes if STS or the metadata service hangs.
MAX_WAIT = 8.0
# botocore renews credentials 15 minutes before they expire.
MIN_LIFE = timedelta(minutes=10)
GET_CREDENTIALS = (
    "Check the role, AWS_PROFILE or the AWS_ACCESS_KEY_ID of this machine, and that STS can be "
    "reached, with: aws sts get-caller-identity"
)


class NoCredentials(Exception):
    """No credentials are available. The text is the reason, such as the type of an error."""


class _Fetch(Thread):
    """Fetches the credentials that all clients of this process share."""

    def __init__(self) -> None:
        super().__init__(name="credentials", daemon=True)
        self.found: Any = None
        self.failure = ""

    def run(self) -> None:
        """Fetch the credentials, and note the reason of a failure."""
        try:
            self.found = aws_session.credentials_source()
            if self.found:
                self.found.get_frozen_credentials()
            else:
                self.failure = "none were found"
        except Exception as failure:
            self.failure = reason_of(failure)


_hanging: list[_Fetch] = []


def reason_of(failure: Exception) -> str:
    """Return the text of an error of the AWS settings, which names what to correct, or a type."""
    if isinstance(failure, AWS_SETTINGS_ERRORS):
        return str(failure).rstrip(".")
    return type(failure).__name__


def fetch() -> Any:
    """Return botocore's credentials. Raise NoCredentials if that fails or takes too long."""
    if _hanging and _hanging[-1].is_alive():
        raise NoCredentials(f"no answer within {MAX_WAIT:.0f} s")
    fetching = _Fetch()
    fetching.start()
    fetching.join(MAX_WAIT)
    if fetching.is_alive():
        _hanging[:] = [fetching]
        raise NoCredentials(f"no answer within {MAX_WAIT:.0f} s")
    if fetching.failure:
        raise NoCredentials(fetching.failure)
    return fetching.found


def check() -> Iterator[Finding]:
    """Yield a finding about the credentials and their expiry."""
    try:
        found = fetch()
    except NoCredentials as failure:
        yield error(CREDENTIALS, f"There are no AWS credentials: {failure}.", GET_CREDENTIALS)
        return
    expiry = getattr(found, "_expiry_time", None)
    if expiry is None:
        yield ok(CREDENTIALS, f"Found ({found.method}). They do not expire.")
        return
    life = expiry - now()
    if life < MIN_LIFE:
        yield warning(
            CREDENTIALS,
            f"The credentials ({found.method}) expire in {as_text(life)}, and could not be "
            "renewed.",
            GET_CREDENTIALS,
        )
    else:
        yield ok(CREDENTIALS, f"Found ({found.method}). They expire in {as_text(life)}.")
