"""AWS clients, and the limits of AWS services that this service keeps to.

No other module of the service makes a client; an import contract in pyproject.toml ensures that
only `aws_session` imports boto3. Credentials and endpoints are found as boto3 finds them.
"""

import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import botocore
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError
from django.conf import settings

from apps.common.aws_session import session
from apps.common.errors import Unavailable
from apps.common.version import VERSION

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_firehose import FirehoseClient
    from mypy_boto3_sqs import SQSClient

# Amazon SQS Developer Guide, "Message quotas". The size limit applies to one message and to all
# messages of one batch call: bodies, and the names, types and values of attributes.
SQS_MAX_BATCH_ENTRIES = 10
SQS_MAX_MESSAGE_BYTES = 1_048_576
SQS_MAX_MESSAGE_ATTRIBUTES = 10
SQS_MAX_RETENTION_SECONDS = 14 * 24 * 3600
# The same guide, "FIFO queue quotas": messages of one queue that are received but not deleted.
SQS_FIFO_MAX_IN_FLIGHT = 120_000
# The same page: calls in a second for each action, without high throughput mode.
SQS_FIFO_MAX_CALLS_PER_SECOND = 300

# Amazon DynamoDB API Reference, "BatchWriteItem".
DYNAMODB_MAX_BATCH_ITEMS = 25
# Amazon DynamoDB Developer Guide, "Capacity unit consumption for write operations".
DYNAMODB_WRITE_UNIT_BYTES = 1_024

# Amazon Data Firehose Developer Guide, "Quota": limits of one PutRecordBatch call. The size of a
# record is measured before base64 encoding.
FIREHOSE_MAX_BATCH_RECORDS = 500
FIREHOSE_MAX_BATCH_BYTES = 4 * 1024 * 1024
FIREHOSE_MAX_RECORD_BYTES = 1_000 * 1024

# botocore would build its own text again for each call, which took a sixth of the time of a Query.
_USER_AGENT = f"conversation-service/{VERSION} Botocore/{botocore.__version__}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallOptions:
    """Timeouts, attempts and validation of a client. Timeouts are in seconds for each attempt."""

    connect_timeout: float
    read_timeout: float
    max_attempts: int
    validates_parameters: bool = True


# The calls of workers and commands. botocore repeats a failed call, so a call takes at most three
# times seven seconds, plus the pauses between the attempts.
WORK = CallOptions(connect_timeout=2, read_timeout=5, max_attempts=3)
# Reads and writes of messages. Only `apps.messages` makes items, and DynamoDB validates them.
# Validating them in botocore as well took a seventh of the time of a write.
MESSAGES = CallOptions(
    connect_timeout=2, read_timeout=5, max_attempts=3, validates_parameters=False
)
# What only helps after a restore of PostgreSQL, so no event waits for it.
BRIEF = CallOptions(
    connect_timeout=0.5, read_timeout=0.5, max_attempts=1, validates_parameters=False
)
# Metrics: a scrape waits at most four seconds, and the next scrape tries again.
METRICS = CallOptions(connect_timeout=2, read_timeout=3, max_attempts=1)
# The doctor's checks. They send invalid parameters on purpose.
CHECK = CallOptions(connect_timeout=2, read_timeout=3, max_attempts=1, validates_parameters=False)
# The status, which waits for less than two seconds in all.
STATUS = CallOptions(connect_timeout=0.8, read_timeout=0.8, max_attempts=1)
# Web pages: a person is waiting for the response.
PAGE = CallOptions(connect_timeout=1, read_timeout=2, max_attempts=1)


def sqs_client(*, options: CallOptions = WORK) -> "SQSClient":
    """Return this process's SQS client with these options."""
    region = settings.SQS_CONVERSATION_REGION
    client: SQSClient = client_of_process(os.getpid(), "sqs", region, options)
    return client


def dynamodb_client(*, options: CallOptions = MESSAGES) -> "DynamoDBClient":
    """Return this process's DynamoDB client with these options."""
    region = settings.DYNAMODB_REGION
    client: DynamoDBClient = client_of_process(os.getpid(), "dynamodb", region, options)
    return client


def firehose_client(*, region: str) -> "FirehoseClient":
    """Return this process's Firehose client for a region."""
    client: FirehoseClient = client_of_process(os.getpid(), "firehose", region, WORK)
    return client


@cache
def client_of_process(_process_id: int, service: str, region: str, options: CallOptions) -> Any:
    """Return the client of a process; the cache keeps it.

    Making a client takes over 10 ms. A forked process must not use the client of its parent, so
    the process id is part of the cache's key.
    """
    return make_client(service, region=region, options=options)


def make_client(service: str, *, region: str, options: CallOptions) -> Any:
    """Return a new client. Raise botocore's errors, or ValueError for an invalid endpoint."""
    config = Config(
        connect_timeout=options.connect_timeout,
        read_timeout=options.read_timeout,
        retries={"mode": "standard", "total_max_attempts": options.max_attempts},
        parameter_validation=options.validates_parameters,
        user_agent=_USER_AGENT,
    )
    client = session().client
    return client(service, region_name=region, config=config)  # type: ignore[call-overload]


@contextmanager
def may_be_unavailable(dependency: str, *, our_fault: Collection[str] = ()) -> Iterator[None]:
    """Raise Unavailable for errors that may pass: timeouts, throttling, 5xx, credentials.

    Errors with an AWS error code in `our_fault` are faults of the request and pass unchanged.
    """
    try:
        yield
    except ClientError as error:
        code = str(error.response["Error"]["Code"])
        if code in our_fault:
            raise
        raise Unavailable(dependency, code) from error
    except ParamValidationError:
        raise
    except BotoCoreError as error:
        raise Unavailable(dependency, type(error).__name__) from error


def queue_name(url: str) -> str:
    """Return the name of the queue at a URL."""
    return url.rpartition("/")[2]
