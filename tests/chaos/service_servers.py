"""The servers that the service uses in a run: this project's models, or foreign servers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from embedded.processes import Supervisor
from testbed.checker.check import check
from testbed.checker.logs import check_logs
from testbed.checker.reader import read_stores
from testbed.checker.report import Defect
from testbed.checker.stores import Stores
from testbed.traffic.events import SentEvent

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_sqs import SQSClient

TABLE = "conversation_messages"
# The service's settings in every run.
SETTINGS = {
    "DYNAMODB_MESSAGE_TABLE": TABLE,
    # The service accepts 10 or more.
    "SQS_CONVERSATION_VISIBILITY_TIMEOUT": "12",
    # The service's default. The embedded stack polls for 2 seconds.
    "SQS_POLL_SECONDS": "20",
    # Contacts write all the time, which would postpone every closing.
    "CLOSING_QUIET_PERIOD": "0",
}


@dataclass(frozen=True, kw_only=True)
class ServiceServers:
    """The servers of a run, and `environment`, the service's settings for them.

    The fields have the addresses of the servers themselves, without proxies and poolers.
    """

    processes: Supervisor
    logs: Path
    environment: Mapping[str, str]
    database_url: str
    sqs_url: str
    dynamodb_url: str
    queue_url: str
    dead_letter_queue_url: str
    lake_folder: Path

    def sqs(self) -> "SQSClient":
        """Return a new client with short timeouts and without retries."""
        return sqs_client(self.sqs_url)

    def find_defects(self, *, sent: Sequence[SentEvent]) -> tuple[Stores, list[Defect]]:
        """Return the contents of the stores, and what is wrong in them and in the logs."""
        stores = read_stores(
            database_url=self.database_url,
            dynamodb=dynamodb_client(self.dynamodb_url),
            table=TABLE,
            sqs=self.sqs(),
            queue_url=self.queue_url,
            dead_letter_queue_url=self.dead_letter_queue_url,
            lake=self.lake_folder,
        )
        # The logs of workers and beats, not those of the servers.
        paths = [*self.logs.glob("worker*.log"), *self.logs.glob("*beat.log")]
        logs = {path.name: path.read_text(encoding="utf-8", errors="replace") for path in paths}
        return stores, [*check(sent=sent, stores=stores), *check_logs(sent=sent, logs=logs)]


def sqs_client(url: str) -> "SQSClient":
    """Return a client of an SQS server, with short timeouts and without retries."""
    return boto3.client(
        "sqs",
        region_name="us-east-1",
        endpoint_url=url,
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
        config=_CONFIG,
    )


def dynamodb_client(url: str) -> "DynamoDBClient":
    """Return a client of a DynamoDB server, with short timeouts and without retries."""
    return boto3.client(
        "dynamodb",
        region_name="us-east-1",
        endpoint_url=url,
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
        config=_CONFIG,
    )


_CONFIG = Config(
    connect_timeout=2,
    read_timeout=10,
    retries={"mode": "standard", "total_max_attempts": 1},
    proxies={},
)
