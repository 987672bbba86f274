"""The limits and names of Amazon SQS that this library uses, and a boto3 client for shutdowns."""

import re
from typing import Any

from botocore.config import Config

# The maximum number of messages in a batch action or in an answer to ReceiveMessage (SQS, "Message
# quotas"). A call costs the same for one message as for ten.
MAX_BATCH_ENTRIES = 10
# The maximum size of a message with its attributes, and of all messages in a batch action.
MAX_MESSAGE_BYTES = 1_048_576
MAX_MESSAGE_ATTRIBUTES = 10
# The maximum lease, counted from the receipt, with all renewals (SQS, "Visibility timeout").
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


def shutdown_client(channel: Any) -> Any:
    """Return a boto3 client with the region and the credentials of a kombu SQS channel.

    It is for blocking calls during a shutdown. Its timeouts are short, so that a degraded network
    does not delay the shutdown.
    """
    return channel._new_boto_client(
        service="sqs",
        region=channel.region,
        access_key_id=channel.conninfo.userid,
        secret_access_key=channel.conninfo.password,
        config=Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 2}),
    )
