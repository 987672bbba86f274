"""The calls to SQS that dead letters need. Each raises Unavailable where SQS refuses it."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings

from apps.common import aws
from observability.queue_depths import read_depth

BATCH = aws.SQS_MAX_BATCH_ENTRIES


def receive(*, visibility_timeout: int) -> Sequence[Mapping[str, Any]]:
    """Return up to ten dead letters, with all that SQS has of them.

    What is not deleted can be received again after so many seconds. Waiting for them has SQS ask
    all its servers, so that an empty answer means that there are none (SQS, "Short and long
    polling").
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
    """Delete up to ten dead letters; return those that SQS did not delete."""
    if not receipt_handles:
        return []
    with aws.may_be_unavailable("SQS"):
        answer = aws.sqs_client().delete_message_batch(
            QueueUrl=settings.SQS_CONVERSATION_DLQ_URL,
            Entries=[
                {"Id": str(place), "ReceiptHandle": handle}
                for place, handle in enumerate(receipt_handles)
            ],
        )
    return [receipt_handles[int(failed["Id"])] for failed in answer.get("Failed", ())]


def give_back(receipt_handles: Sequence[str]) -> None:
    """Make dead letters visible that were received and not deleted, ten with each call."""
    for start in range(0, len(receipt_handles), BATCH):
        handles = receipt_handles[start : start + BATCH]
        with aws.may_be_unavailable("SQS"):
            aws.sqs_client().change_message_visibility_batch(
                QueueUrl=settings.SQS_CONVERSATION_DLQ_URL,
                Entries=[
                    {"Id": str(place), "ReceiptHandle": handle, "VisibilityTimeout": 0}
                    for place, handle in enumerate(handles)
                ],
            )


def count_visible() -> int:
    """Return about how many dead letters could be received now."""
    with aws.may_be_unavailable("SQS"):
        return read_depth(aws.sqs_client(), settings.SQS_CONVERSATION_DLQ_URL).waiting


def send_to_events(messages: Sequence[Mapping[str, Any]]) -> dict[int, str]:
    """Send up to ten messages, in SendMessage's form, to the events' queue.

    Return the places of those that SQS refused, and its codes.
    """
    entries: Any = [{"Id": str(place), **message} for place, message in enumerate(messages)]
    with aws.may_be_unavailable("SQS"):
        answer = aws.sqs_client().send_message_batch(
            QueueUrl=settings.SQS_CONVERSATION_QUEUE_URL,
            Entries=entries,
        )
    return {int(failed["Id"]): failed["Code"] for failed in answer.get("Failed", ())}
