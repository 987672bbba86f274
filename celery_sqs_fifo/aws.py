"""The limits of Amazon SQS, its names for what this library reads, and the client it makes."""

import re
from typing import Any

from botocore.config import Config

# The batch actions, and ReceiveMessage, handle at most ten messages with one call, and cost the
# same for one (SQS, "Message quotas").
MAX_BATCH_ENTRIES = 10
# The body and all attributes of a message, and all messages of a batch together.
MAX_MESSAGE_BYTES = 1_048_576
MAX_MESSAGE_ATTRIBUTES = 10
# Counted from the receipt, however often it is extended (SQS, "Visibility timeout").
MAX_VISIBILITY_SECONDS = 12 * 3600.0
MAX_RETENTION_SECONDS = 14 * 24 * 3600.0
# What SQS refuses in a text (SendMessage, "MessageBody").
REFUSED_CHARACTERS = re.compile(r"[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# The attributes of a message that a worker asks for with each receive.
SYSTEM_ATTRIBUTES = (
    "ApproximateReceiveCount",
    "MessageDeduplicationId",
    "MessageGroupId",
    "SentTimestamp",
    "SequenceNumber",
)
# What SQS answers to a delete that came after the lease had ended.
LATE_DELETE_CODES = frozenset(
    {"ReceiptHandleIsInvalid", "InvalidParameterValue", "MessageNotInflight"}
)


def shutdown_client(channel: Any) -> Any:
    """Return a boto3 client with the region and the credentials of a kombu SQS channel.

    It is for the calls that are waited for: a degraded network must not hold up a shutdown.
    """
    return channel._new_boto_client(
        service="sqs",
        region=channel.region,
        access_key_id=channel.conninfo.userid,
        secret_access_key=channel.conninfo.password,
        config=Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 2}),
    )
