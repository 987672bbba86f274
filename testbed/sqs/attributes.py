"""The attributes of a FIFO queue: their names, possible values and defaults.

Source: CreateQueue and SetQueueAttributes in the Amazon SQS API Reference.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from testbed.sqs.errors import SqsError, invalid_value, not_modelled

MAXIMUM_VISIBILITY_TIMEOUT_SECONDS = 43_200
MAXIMUM_MESSAGE_BYTES = 1_048_576

_INTEGERS = {
    "DelaySeconds": range(901),
    "MaximumMessageSize": range(1_024, MAXIMUM_MESSAGE_BYTES + 1),
    "MessageRetentionPeriod": range(60, 1_209_601),
    "ReceiveMessageWaitTimeSeconds": range(21),
    "VisibilityTimeout": range(MAXIMUM_VISIBILITY_TIMEOUT_SECONDS + 1),
}
_CHOICES = {
    "ContentBasedDeduplication": ("true", "false"),
    "DeduplicationScope": ("queue", "messageGroup"),
    "FifoQueue": ("true",),
    "FifoThroughputLimit": ("perQueue", "perMessageGroupId"),
    "SqsManagedSseEnabled": ("true", "false"),
}
# Stored and returned, without an effect in this model.
_TEXTS = ("KmsDataKeyReusePeriodSeconds", "KmsMasterKeyId", "Policy", "RedriveAllowPolicy")
_DEFAULTS = {
    "ContentBasedDeduplication": "false",
    "DeduplicationScope": "queue",
    "DelaySeconds": "0",
    "FifoQueue": "true",
    "FifoThroughputLimit": "perQueue",
    "MaximumMessageSize": str(MAXIMUM_MESSAGE_BYTES),
    "MessageRetentionPeriod": "345600",
    "ReceiveMessageWaitTimeSeconds": "0",
    "SqsManagedSseEnabled": "true",
    "VisibilityTimeout": "30",
}
COMPUTED = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
    "CreatedTimestamp",
    "LastModifiedTimestamp",
    "QueueArn",
)
KNOWN = frozenset({*_INTEGERS, *_CHOICES, *_TEXTS, "RedrivePolicy", *COMPUTED})
_MAX_RECEIVES = 1_000


@dataclass(frozen=True, kw_only=True)
class RedrivePolicy:
    """The queue for messages that were received `max_receives` times and not deleted."""

    target_arn: str
    max_receives: int


@dataclass(frozen=True, kw_only=True)
class QueueAttributes:
    """Checked attributes: `texts` as SQS returns them, the other fields as the queue uses them."""

    texts: Mapping[str, str]
    visibility_timeout: int
    retention_seconds: int
    maximum_message_bytes: int
    wait_seconds: int
    deduplicates_by_content: bool
    deduplicates_per_group: bool
    redrive: RedrivePolicy | None

    def with_changes(self, changes: Mapping[str, str]) -> "QueueAttributes":
        """Return these attributes with changes. Raises SqsError if AWS would refuse them."""
        return checked_attributes({**self.texts, **changes})


def checked_attributes(given: Mapping[str, str]) -> QueueAttributes:
    """Return the given attributes, with the defaults of all others. Raises SqsError."""
    texts = {**_DEFAULTS, **{name: _checked(name=name, text=given[name]) for name in given}}
    texts = {name: text for name, text in texts.items() if text != ""}
    if texts["FifoThroughputLimit"] == "perMessageGroupId" and (
        texts["DeduplicationScope"] != "messageGroup"
    ):
        raise invalid_value(
            name="FifoThroughputLimit",
            value="perMessageGroupId",
            reason="It is only allowed when DeduplicationScope is messageGroup.",
        )
    policy = texts.get("RedrivePolicy")
    return QueueAttributes(
        texts=texts,
        visibility_timeout=int(texts["VisibilityTimeout"]),
        retention_seconds=int(texts["MessageRetentionPeriod"]),
        maximum_message_bytes=int(texts["MaximumMessageSize"]),
        wait_seconds=int(texts["ReceiveMessageWaitTimeSeconds"]),
        deduplicates_by_content=texts["ContentBasedDeduplication"] == "true",
        deduplicates_per_group=texts["DeduplicationScope"] == "messageGroup",
        redrive=_redrive_policy(policy) if policy else None,
    )


def normal_text(*, name: str, text: str) -> str:
    """Return an attribute's value in a form in which values can be compared."""
    if name != "RedrivePolicy" or not text:
        return text
    policy = _redrive_policy(text)
    return json.dumps(
        {"deadLetterTargetArn": policy.target_arn, "maxReceiveCount": policy.max_receives},
        separators=(",", ":"),
    )


def _checked(*, name: str, text: str) -> str:
    if name not in KNOWN or name in COMPUTED:
        raise SqsError(code="InvalidAttributeName", message=f"Unknown Attribute {name}.")
    is_integer_out_of_range = name in _INTEGERS and (
        not text.isdecimal() or int(text) not in _INTEGERS[name]
    )
    if is_integer_out_of_range or (name in _CHOICES and text not in _CHOICES[name]):
        raise SqsError(
            code="InvalidAttributeValue", message=f"Invalid value for the parameter {name}."
        )
    if name == "DelaySeconds" and int(text) != 0:
        raise not_modelled(what="queue with delayed messages")
    return normal_text(name=name, text=text)


def _redrive_policy(text: str) -> RedrivePolicy:
    try:
        policy = json.loads(text)
        max_receives = int(policy["maxReceiveCount"])
        target_arn = str(policy["deadLetterTargetArn"])
    except (ValueError, KeyError, TypeError):
        raise invalid_value(
            name="RedrivePolicy", value=text, reason="Redrive policy is not a valid JSON map."
        ) from None
    if not 1 <= max_receives <= _MAX_RECEIVES:
        raise invalid_value(
            name="RedrivePolicy",
            value=text,
            reason="Invalid value for maxReceiveCount, must be between 1 and 1000.",
        )
    if not target_arn.endswith(".fifo"):
        raise invalid_value(
            name="RedrivePolicy",
            value=text,
            reason="Dead-letter queue must be same type of queue as the source.",
        )
    return RedrivePolicy(target_arn=target_arn, max_receives=max_receives)
