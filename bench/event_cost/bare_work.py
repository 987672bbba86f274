"""One turn of the bare loops: receive up to ten events, process them, and delete them."""

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from django.conf import settings

from apps.messages.events import MessageEvent
from bench.event_cost.items import item_of, process
from celery_sqs_fifo import BatchItem, Place
from tasks.steps import attributing, storing

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

Process = Callable[[Sequence[Any]], object]


def take(*, sqs: "SQSClient", process_all: Process) -> None:
    """Receive messages, process them with `process_all`, and delete them."""
    queue_url = settings.SQS_CONVERSATION_QUEUE_URL
    messages = sqs.receive_message(
        QueueUrl=queue_url,
        MaxNumberOfMessages=10,
        WaitTimeSeconds=settings.SQS_POLL_SECONDS,
        MessageSystemAttributeNames=["MessageGroupId", "SentTimestamp", "SequenceNumber"],
    ).get("Messages", [])
    if not messages:
        return
    process_all(messages)
    sqs.delete_message_batch(
        QueueUrl=queue_url,
        Entries=[
            {"Id": str(index), "ReceiptHandle": message["ReceiptHandle"]}
            for index, message in enumerate(messages)
        ],
    )


def one_by_one(messages: Sequence[Any]) -> None:
    """Process each event with calls of its own."""
    for message in messages:
        process(_item(message))


def together(messages: Sequence[Any]) -> None:
    """Process messages that follow each other with one statement and one write.

    As in the service, an event that closes a conversation or has an answer runs alone.
    """
    for shares, items in groupby(map(_item, messages), key=_shares_calls):
        if shares:
            batch = list(items)
            attributing.attribute_all(batch)
            storing.store_all(batch)
        else:
            for item in items:
                process(item)


def _item(message: Any) -> BatchItem:
    return item_of(body=message["Body"], place=Place.of_message(message))


def _shares_calls(item: BatchItem) -> bool:
    event = item.state.event
    return isinstance(event, MessageEvent) and not event.answer
