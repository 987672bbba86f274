"""AWS clients, and the limits of AWS services that this service keeps to.

No other module of the service makes a client: an import contract in pyproject.toml holds that.
Credentials and endpoints are boto3's own.
"""

import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError
from django.conf import settings

from apps.common.errors import Unavailable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_firehose import FirehoseClient
    from mypy_boto3_sqs import SQSClient

# Amazon SQS Developer Guide, "Message quotas". The size is that of one message and of all messages
# of a batch: bodies, and names, types and values of attributes.
SQS_MAX_BATCH_ENTRIES = 10
SQS_MAX_MESSAGE_BYTES = 1_048_576
SQS_MAX_MESSAGE_ATTRIBUTES = 10
SQS_MAX_RETENTION_SECONDS = 14 * 24 * 3600
# The same guide, "FIFO queue quotas": messages received from one queue and not yet deleted.
SQS_FIFO_MAX_IN_FLIGHT = 120_000

# Amazon DynamoDB API Reference, "BatchWriteItem".
DYNAMODB_MAX_BATCH_ITEMS = 25
# Amazon DynamoDB Developer Guide, "Constraints": 400 KB, names and keys included.
DYNAMODB_MAX_ITEM_BYTES = 409_600

# Amazon Data Firehose Developer Guide, "Quota": of one PutRecordBatch, and of a record before it is
# encoded in base64.
FIREHOSE_MAX_BATCH_RECORDS = 500
FIREHOSE_MAX_BATCH_BYTES = 4 * 1024 * 1024
FIREHOSE_MAX_RECORD_BYTES = 1_000 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class CallOptions:
    """How a client makes its calls. Timeouts are in seconds, for each of the attempts."""

    connect_timeout: float
    read_timeout: float
    max_attempts: int
    validates_parameters: bool = True


# A worker's and a command's work: a call that fails by chance is repeated at once, and the work
# waits for no more than three times seven seconds and the pauses between them.
WORK = CallOptions(connect_timeout=2, read_timeout=5, max_attempts=3)
# Work with messages. Validation took a seventh of a write: items are made by `apps.messages.store`
# alone, and DynamoDB validates them, too.
MESSAGES = CallOptions(
    connect_timeout=2, read_timeout=5, max_attempts=3, validates_parameters=False
)
# Gauges: a scrape waits four seconds for them, and the next one tries again.
METRICS = CallOptions(connect_timeout=2, read_timeout=3, max_attempts=1)
# One of many checks of the doctor, which sends wrong parameters on purpose.
CHECK = CallOptions(connect_timeout=2, read_timeout=3, max_attempts=1, validates_parameters=False)
# A page that somebody is waiting for.
PAGE = CallOptions(connect_timeout=1, read_timeout=2, max_attempts=1)


def sqs_client(*, options: CallOptions = WORK) -> "SQSClient":
    """Return this process's client of SQS for calls with these options."""
    region = settings.SQS_CONVERSATION_REGION
    client: SQSClient = client_of_process(os.getpid(), "sqs", region, options)
    return client


def dynamodb_client() -> "DynamoDBClient":
    """Return this process's client of DynamoDB."""
    region = settings.DYNAMODB_REGION
    client: DynamoDBClient = client_of_process(os.getpid(), "dynamodb", region, MESSAGES)
    return client


def firehose_client(*, region: str) -> "FirehoseClient":
    """Return this process's client of Firehose in a region."""
    client: FirehoseClient = client_of_process(os.getpid(), "firehose", region, WORK)
    return client


@cache
def client_of_process(_process_id: int, service: str, region: str, options: CallOptions) -> Any:
    """Return one client for each process: making one costs over 10 ms, and a fork must not share
    it."""
    return make_client(service, region=region, options=options)


def make_client(service: str, *, region: str, options: CallOptions) -> Any:
    """Return a new client. Raise botocore's errors, or ValueError for an endpoint without sense."""
    config = Config(
        connect_timeout=options.connect_timeout,
        read_timeout=options.read_timeout,
        retries={"mode": "standard", "total_max_attempts": options.max_attempts},
        parameter_validation=options.validates_parameters,
    )
    return boto3.client(service, region_name=region, config=config)  # type: ignore[call-overload]


@contextmanager
def may_be_unavailable(dependency: str, *, our_fault: Collection[str] = ()) -> Iterator[None]:
    """Turn what may pass by itself (timeouts, throttling, 5xx, credentials) into Unavailable.

    `our_fault` are AWS's codes for errors in what was asked: those are raised as they are.
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
