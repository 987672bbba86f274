"""Sentences about a database or an AWS service that a command cannot use, and what to check."""

from collections.abc import Iterator

import psycopg2
from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as AwsConnectionError
from django.conf import settings
from django.db import Error, InterfaceError, OperationalError

from apps.common.errors import NOT_MIGRATED_STATES, Unavailable, is_external
from apps.common.postgresql.logins import NoLogin
from celery_sqs_fifo import AWS_SETTINGS_ERRORS
from operations.doctor.aws import MISSING_QUEUE, MISSING_TABLE, NO_CREDENTIALS, error_code
from operations.doctor.credentials import GET_CREDENTIALS

# PostgreSQL, "PostgreSQL Error Codes".
INSUFFICIENT_PRIVILEGE = "42501"
# Without an SQLSTATE, these are connections that were refused or lost (psycopg2).
CONNECTION_ERRORS = (
    OperationalError,
    InterfaceError,
    psycopg2.OperationalError,
    psycopg2.InterfaceError,
)


def outage_sentence(error: BaseException) -> str | None:
    """Return what cannot be reached and what to check, or None for other errors."""
    for cause in _causes(error):
        if isinstance(cause.__cause__, NoLogin):
            return f"There is no login for PostgreSQL: {cause}. Run: python manage.py doctor"
        if sentence := _aws_sentence(cause):
            return sentence
        if isinstance(cause, CONNECTION_ERRORS) and not _sqlstate(cause):
            return _unreachable_postgresql(cause)
    if isinstance(error, Error) and is_external(error):
        return f"PostgreSQL is unavailable: {type(error.__cause__ or error).__name__}."
    return f"{error}." if isinstance(error, Unavailable) else None


def schema_sentence(error: BaseException) -> str | None:
    """Return a sentence about what `migrate`, `provision` or a grant would add, or None.

    That is a table of PostgreSQL or DynamoDB, a queue, or a privilege.
    """
    for cause in _causes(error):
        if sentence := _missing_in_aws(cause):
            return sentence
        code = getattr(cause, "pgcode", None)
        if code in NOT_MIGRATED_STATES:
            return (
                "PostgreSQL does not have the tables of this version: run `python manage.py "
                "migrate`."
            )
        if code == INSUFFICIENT_PRIVILEGE:
            return (
                f"PostgreSQL refuses: {_first_line(cause)}. Grant the privilege to the role of "
                "DATABASE_URL."
            )
    return None


def _missing_in_aws(error: BaseException) -> str | None:
    """Return that AWS does not have the table or a queue and what to check, or None."""
    refusal = error.__cause__ if isinstance(error, Unavailable) else error
    code = error_code(refusal) if isinstance(refusal, ClientError) else ""
    if code in MISSING_QUEUE:
        return (
            f"SQS does not have such a queue in {settings.SQS_CONVERSATION_REGION}. Check "
            "SQS_CONVERSATION_QUEUE_URL, SQS_CONVERSATION_DLQ_URL and SQS_CONVERSATION_REGION, or "
            "create the queues: run `python manage.py provision`."
        )
    # Other services of AWS have the same code.
    if isinstance(error, Unavailable) and error.dependency == "DynamoDB" and code == MISSING_TABLE:
        return (
            f"DynamoDB does not have the table {settings.DYNAMODB_MESSAGE_TABLE} in "
            f"{settings.DYNAMODB_REGION}. Check DYNAMODB_MESSAGE_TABLE and DYNAMODB_REGION, or "
            "create the table: run `python manage.py provision`."
        )
    return None


def _aws_sentence(error: BaseException) -> str | None:
    """Return why AWS could not be called and what to check, or None for other errors."""
    if isinstance(error, AWS_SETTINGS_ERRORS):
        return (
            f"The AWS settings are wrong: {_first_line(error)}. Correct the variables AWS_* of "
            "this command, or the files that they name."
        )
    if isinstance(error, NO_CREDENTIALS):
        return f"There are no AWS credentials ({type(error).__name__}). {GET_CREDENTIALS}."
    is_unreachable = isinstance(error, AwsConnectionError | HTTPClientError)
    if is_unreachable or _is_invalid_endpoint(error):
        return (
            f"AWS cannot be reached: {_first_line(error)}. Check the network, a proxy, the region "
            "settings and AWS_ENDPOINT_URL_SQS and AWS_ENDPOINT_URL_DYNAMODB."
        )
    return None


def _is_invalid_endpoint(error: BaseException) -> bool:
    # botocore has no type of its own for an endpoint that is not a URL.
    return isinstance(error, ValueError) and str(error).startswith("Invalid endpoint")


def _unreachable_postgresql(error: BaseException) -> str:
    database = settings.DATABASES["default"]
    place = f"{database['HOST'] or 'the local socket'}:{database['PORT'] or 5432}"
    return (
        f"PostgreSQL cannot be used at {place}: {_first_line(error)}. Check that it runs there, "
        "and the address, user and password in DATABASE_URL."
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and its causes.

    With a server-side cursor, psycopg2 raises an error about a cursor that was not opened, with the
    original error only as its context.
    """
    cause: BaseException | None = error
    while cause:
        yield cause
        of_database = isinstance(cause, Error | psycopg2.Error)
        cause = cause.__cause__ or (cause.__context__ if of_database else None)


def _sqlstate(error: BaseException) -> str | None:
    """Return the SQLSTATE of a database error, or None."""
    code = getattr(error, "pgcode", None) or getattr(error.__cause__, "pgcode", None)
    return str(code) if code else None


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
