"""Checks requests with messages as SQS does.

Sources: SendMessage, SendMessageBatch and ReceiveMessage in the Amazon SQS API Reference, and
"Amazon SQS message quotas" in the Developer Guide.
"""

import base64
import hashlib
import re
from collections.abc import Mapping
from typing import Any

from testbed.sqs.attributes import (
    MAXIMUM_MESSAGE_BYTES,
    MAXIMUM_VISIBILITY_TIMEOUT_SECONDS,
    QueueAttributes,
)
from testbed.sqs.errors import (
    SqsError,
    invalid_parameters,
    invalid_value,
    missing_parameter,
    not_modelled,
)
from testbed.sqs.message import MessageAttributes, NewMessage

_MAX_ATTRIBUTES = 10
_MAX_ENTRIES = 10
_MAX_MESSAGES = 10
_MAX_WAIT_SECONDS = 20
_REFUSED_CHARACTER = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TOKEN = re.compile(r"[!-~]{1,128}")
_ENTRY_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")
_ATTRIBUTE_NAME = re.compile(r"(?!(?i:aws\.|amazon\.))(?!.*\.\.)(?!\.)[A-Za-z0-9_.-]{1,256}(?<!\.)")
_ATTRIBUTE_TYPE = re.compile(r"(String|Number|Binary)(\..+)?")


def checked_message(*, request: Mapping[str, Any], queue: QueueAttributes) -> NewMessage:
    """Return the message of a SendMessage or of an entry of a batch. Raises SqsError."""
    body = request.get("MessageBody")
    if not body:
        raise missing_parameter(name="MessageBody")
    if request.get("DelaySeconds"):
        raise invalid_value(
            name="DelaySeconds",
            value=request["DelaySeconds"],
            reason="The request include parameter that is not valid for this queue type.",
        )
    if request.get("MessageSystemAttributes"):
        raise not_modelled(what="message system attributes on a send")
    group_id = request.get("MessageGroupId")
    if not group_id:
        raise missing_parameter(name="MessageGroupId")
    _check_token(name="MessageGroupId", value=group_id)
    attributes = request.get("MessageAttributes") or {}
    _check_characters(body)
    _check_attributes(attributes)
    if payload_bytes(request) > queue.maximum_message_bytes:
        raise invalid_parameters(
            reason="One or more parameters are invalid. Reason: Message must be shorter than"
            f" {queue.maximum_message_bytes} bytes."
        )
    return NewMessage(
        body=body,
        group_id=group_id,
        deduplication_id=_deduplication_id(request, queue=queue),
        attributes=attributes,
    )


def payload_bytes(request: Mapping[str, Any]) -> int:
    """Return the size for SQS's limits: the body, and the attributes with names and types."""
    texts = [str(request.get("MessageBody", ""))]
    binary_bytes = 0
    for name, attribute in (request.get("MessageAttributes") or {}).items():
        texts += [name, attribute.get("DataType", ""), attribute.get("StringValue", "")]
        binary_bytes += len(base64.b64decode(attribute.get("BinaryValue", "")))
    return binary_bytes + sum(len(text.encode(errors="surrogatepass")) for text in texts)


def check_batch(*, action: str, entries: list[Mapping[str, Any]]) -> None:
    """Raise SqsError if SQS refuses a batch as a whole."""
    if not entries:
        raise SqsError(
            code="EmptyBatchRequest",
            message=f"There should be at least one {action}RequestEntry in the request.",
        )
    if len(entries) > _MAX_ENTRIES:
        raise SqsError(
            code="TooManyEntriesInBatchRequest",
            message=f"Maximum number of entries per request are {_MAX_ENTRIES}."
            f" You have sent {len(entries)}.",
        )
    seen = set()
    for entry in entries:
        if not _ENTRY_ID.fullmatch(entry["Id"]):
            raise SqsError(
                code="InvalidBatchEntryId",
                message="A batch entry id can only contain alphanumeric characters, hyphens and"
                " underscores. It can be at most 80 letters long.",
            )
        if entry["Id"] in seen:
            raise SqsError(code="BatchEntryIdsNotDistinct", message=f"Id {entry['Id']} repeated.")
        seen.add(entry["Id"])


def check_batch_size(entries: list[Mapping[str, Any]]) -> None:
    """Raise SqsError if the messages of a batch are too large together."""
    total = sum(payload_bytes(entry) for entry in entries)
    if total > MAXIMUM_MESSAGE_BYTES:
        raise SqsError(
            code="BatchRequestTooLong",
            message=f"Batch requests cannot be longer than {MAXIMUM_MESSAGE_BYTES} bytes."
            f" You have sent {total} bytes.",
        )


def checked_limit(request: Mapping[str, Any]) -> int:
    """Return MaxNumberOfMessages, by default 1. Raises SqsError."""
    return _checked_number(
        name="MaxNumberOfMessages",
        value=int(request.get("MaxNumberOfMessages", 1)),
        allowed=range(1, _MAX_MESSAGES + 1),
        rule=f"between 1 and {_MAX_MESSAGES}",
    )


def checked_wait(*, request: Mapping[str, Any], queue: QueueAttributes) -> int:
    """Return WaitTimeSeconds, by default that of the queue. Raises SqsError."""
    return _checked_number(
        name="WaitTimeSeconds",
        value=int(request.get("WaitTimeSeconds", queue.wait_seconds)),
        allowed=range(_MAX_WAIT_SECONDS + 1),
        rule=f">= 0 and <= {_MAX_WAIT_SECONDS}",
    )


def checked_visibility_timeout(request: Mapping[str, Any]) -> int | None:
    """Return VisibilityTimeout, by default None. Raises SqsError."""
    if "VisibilityTimeout" not in request:
        return None
    return _checked_number(
        name="VisibilityTimeout",
        value=int(request["VisibilityTimeout"]),
        allowed=range(MAXIMUM_VISIBILITY_TIMEOUT_SECONDS + 1),
        rule=f"between 0 and {MAXIMUM_VISIBILITY_TIMEOUT_SECONDS}",
    )


def _checked_number(*, name: str, value: int, allowed: range, rule: str) -> int:
    if value not in allowed:
        raise invalid_value(name=name, value=value, reason=f"Must be {rule}, if provided.")
    return value


def _deduplication_id(request: Mapping[str, Any], *, queue: QueueAttributes) -> str:
    given = request.get("MessageDeduplicationId")
    if given:
        _check_token(name="MessageDeduplicationId", value=given)
        return str(given)
    if not queue.deduplicates_by_content:
        raise invalid_parameters(
            reason="The queue should either have ContentBasedDeduplication enabled or"
            " MessageDeduplicationId provided explicitly"
        )
    return hashlib.sha256(request["MessageBody"].encode()).hexdigest()


def _check_token(*, name: str, value: str) -> None:
    if not _TOKEN.fullmatch(value):
        raise invalid_value(
            name=name,
            value=value,
            reason=f"{name} can only include alphanumeric and punctuation characters. 1 to 128 in"
            " length.",
        )


def _check_characters(text: str) -> None:
    if _REFUSED_CHARACTER.search(text):
        raise SqsError(
            code="InvalidMessageContents",
            message="Invalid characters found. Valid unicode characters are #x9 | #xA | #xD |"
            " #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF",
        )


def _check_attributes(attributes: MessageAttributes) -> None:
    if len(attributes) > _MAX_ATTRIBUTES:
        raise invalid_parameters(
            reason=f"Number of message attributes [{len(attributes)}] exceeds the allowed maximum"
            f" [{_MAX_ATTRIBUTES}]."
        )
    for name, attribute in attributes.items():
        if not _ATTRIBUTE_NAME.fullmatch(name):
            raise invalid_parameters(reason=f"Invalid message attribute name: {name}.")
        if not _ATTRIBUTE_TYPE.fullmatch(attribute.get("DataType") or ""):
            raise invalid_parameters(
                reason=f"The type of message (user) attribute '{name}' is invalid. You must use"
                " only the following supported type prefixes: Binary, Number, String."
            )
        kind = "BinaryValue" if attribute["DataType"].startswith("Binary") else "StringValue"
        if not attribute.get(kind):
            raise invalid_parameters(
                reason=f"The message (user) attribute '{name}' must contain a non-empty value of"
                f" type '{kind}'."
            )
        _check_characters(attribute.get("StringValue", ""))
