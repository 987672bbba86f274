"""The limits and names of Amazon SQS that this library uses, and its boto3 clients."""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

import boto3
import botocore.session
from botocore import exceptions
from botocore.config import Config
from botocore.credentials import EnvProvider
from botocore.httpsession import get_cert_path
from celery.exceptions import ImproperlyConfigured

from celery_sqs_fifo.credentials import BackgroundSession

# The maximum number of messages in a batch action or in an answer to ReceiveMessage (SQS, "Message
# quotas"). A call costs the same for one message as for ten.
MAX_BATCH_ENTRIES = 10
# The maximum size of a message with its attributes, and of all messages in a batch action.
MAX_MESSAGE_BYTES = 1_048_576
MAX_MESSAGE_ATTRIBUTES = 10
# ReceiveMessage, "WaitTimeSeconds".
MAX_WAIT_SECONDS = 20
# The maximum length of a lease from the receipt, including renewals (SQS, "Visibility timeout").
MAX_VISIBILITY_SECONDS = 12 * 3600.0
MAX_RETENTION_SECONDS = 14 * 24 * 3600.0
# The characters that SQS rejects in a message (SendMessage, "MessageBody").
REFUSED_CHARACTERS = re.compile(r"[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# The system attributes that a worker requests with each receive.
SYSTEM_ATTRIBUTES = (
    "ApproximateReceiveCount",
    "MessageDeduplicationId",
    "MessageGroupId",
    "SentTimestamp",
    "SequenceNumber",
)
# The error codes of a delete that arrives after the lease has ended.
LATE_DELETE_CODES = frozenset(
    {"ReceiptHandleIsInvalid", "InvalidParameterValue", "MessageNotInflight"}
)
# The errors of AWS settings: variables such as AWS_PROFILE, and the files that they name. They are
# raised before any call, and again by each attempt until somebody corrects the settings.
AWS_SETTINGS_ERRORS: tuple[type[exceptions.BotoCoreError], ...] = (
    exceptions.ConfigNotFound,
    exceptions.ConfigParseError,
    exceptions.InvalidChecksumConfigError,
    exceptions.InvalidConfigError,
    exceptions.InvalidDefaultsMode,
    exceptions.InvalidIMDSEndpointError,
    exceptions.InvalidIMDSEndpointModeError,
    exceptions.InvalidProxiesConfigError,
    exceptions.InvalidRegionError,
    exceptions.InvalidRetryConfigurationError,
    exceptions.InvalidSTSRegionalEndpointsConfigError,
    exceptions.NoRegionError,
    exceptions.PartialCredentialsError,
    exceptions.ProfileNotFound,
    exceptions.UnknownCredentialError,
)


# The time limits of botocore's calls, which publish messages and get credentials.
_BOUNDS = Config(connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 3})


def ca_bundle() -> str:
    """Return the file of certificate authorities that boto3 trusts: AWS_CA_BUNDLE, or its own."""
    configured = botocore.session.get_session().get_config_variable("ca_bundle")
    return str(configured or get_cert_path(True))


def bounded_client(
    *, config: Mapping[str, Any], endpoint_url: str | None, use_ssl: bool, **session_options: Any
) -> Any:
    """Return a boto3 client for SQS with time limits, also for calls that get its credentials.

    A thread refreshes the credentials of all such clients of this process. `config` has fields of
    botocore's Config, and `session_options` those of boto3.Session.
    """
    session = _session_of_process(os.getpid(), *sorted(session_options.items()))
    return session.client(
        "sqs", use_ssl=use_ssl, endpoint_url=endpoint_url, config=_BOUNDS.merge(Config(**config))
    )


def check_aws_settings(*, region: str, config: Mapping[str, Any]) -> None:
    """Raise ImproperlyConfigured if the AWS settings of this process are wrong.

    A program calls this when it starts, with the transport options `region` and `client-config`.
    Nothing is called, and credentials are not fetched from elsewhere: that could take long, and may
    succeed later.
    """
    # Not the session of the process: its client would start a thread, and a worker forks later.
    session = botocore.session.get_session()
    with refusing_wrong_settings():
        try:
            # With any keys, the client is created without the credentials of the settings.
            session.create_client(
                "sqs",
                region_name=region,
                config=_BOUNDS.merge(Config(**config)),
                aws_access_key_id="none",
                aws_secret_access_key="none",  # noqa: S106
            )
        except ValueError as error:
            # botocore has no type of its own for an endpoint that is not a URL.
            raise _wrong_settings(error) from error
        EnvProvider().load()


@contextmanager
def refusing_wrong_settings() -> Iterator[None]:
    """Raise ImproperlyConfigured in place of AWS_SETTINGS_ERRORS."""
    try:
        yield
    except AWS_SETTINGS_ERRORS as error:
        raise _wrong_settings(error) from error


def _wrong_settings(error: Exception) -> ImproperlyConfigured:
    return ImproperlyConfigured(
        f"The AWS settings are wrong: {str(error).rstrip('.')}. Correct the variables AWS_* of "
        "this program, or the files that they name."
    )


@cache
def _session_of_process(_process_id: int, *options: tuple[str, Any]) -> boto3.Session:
    source = BackgroundSession()
    source.set_default_client_config(_BOUNDS)
    return boto3.Session(botocore_session=source, **dict(options))
