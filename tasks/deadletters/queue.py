"""The SQS calls for dead letters. Each of them raises Unavailable if SQS fails."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings

from apps.common import aws
from observability.queue_depths import read_depth

BATCH = aws.SQS_MAX_BATCH_ENTRIES


def receive(*, visibility_timeout: int) -> Sequence[Mapping[str, Any]]:
    """Return up to ten dead letters with all their attributes.

    Letters that are not deleted can be received again after `visibility_timeout` seconds. Long
    polling queries all servers of SQS, so an empty list means that no letter is visible (SQS,
    "Short and long polling").
    """
    with aws.may_be_unavailable("SQS"):
        answer = aws.sqs_client().receive_message(
            QueueUrl=settings.SQS_CONVERSATION_DLQ_URL,
            MaxNumberOfMessages=BATCH,
            WaitTimeSeconds=1,
            VisibilityTimeout=visibility_timeout,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
    return answer.get("Messages", [])


def delete(receipt_handles: Sequence[str]) -> list[str]:
    """Delete up to ten dead letters. Return the receipt handles that SQS did not delete."""
    if not receipt_handles:
        return []
    with aws.may_be_unavailable("SQS"):
        answer = aws.sqs_client().delete_message_batch(
            QueueUrl=settings.SQS_CONVERSATION_DLQ_URL,
            Entries=[
                {"Id": str(index), "ReceiptHandle": handle}
                for index, handle in enumerate(receipt_handles)
            ],
        )
    return [receipt_handles[int(failed["Id"])] for failed in answer.get("Failed", ())]


def count() -> int:
    """Return the approximate number of dead letters on the queue, also of those in flight."""
    with aws.may_be_unavailable("SQS"):
        depth = read_depth(aws.sqs_client(), settings.SQS_CONVERSATION_DLQ_URL)
    return depth.waiting + depth.in_flight


def send_to_events(messages: Sequence[Mapping[str, Any]]) -> dict[int, str]:
    """Send up to ten messages to the events' queue. Each has the parameters of SendMessage.

    Return the error code for each message that SQS refused, by its index in `messages`.
    """
    entries: Any = [{"Id": str(index), **message} for index, message in enumerate(messages)]
    with aws.may_be_unavailable("SQS"):
        answer = aws.sqs_client().send_message_batch(
            QueueUrl=settings.SQS_CONVERSATION_QUEUE_URL,
            Entries=entries,
        )
    return {int(failed["Id"]): failed["Code"] for failed in answer.get("Failed", ())}


def size_of(message: Mapping[str, Any]) -> int:
    """Return the size of a message in bytes, which has the parameters of SendMessage.

    It is that of the body, and of the name, type and value of each attribute (SQS, "Message
    quotas").
    """
    texts = [message["MessageBody"]]
    for name, value in message["MessageAttributes"].items():
        texts += [name, *value.values()]
    return sum(len(text if isinstance(text, bytes) else _bytes(text)) for text in texts)


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogatepass")
