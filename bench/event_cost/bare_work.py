"""One turn of the bare loop: receive up to ten events, process them, and delete them."""

from typing import TYPE_CHECKING

from bench.event_cost.items import item_of
from celery_sqs_fifo import Place
from tasks.steps import attributing, recording, storing

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

WAIT_SECONDS = 2


def take(*, sqs: "SQSClient", queue_url: str, together: bool) -> int:
    """Process the events of one receive, and return their number.

    They are stored one by one or, if `together`, with one statement and one write.
    """
    messages = sqs.receive_message(
        QueueUrl=queue_url,
        MaxNumberOfMessages=10,
        WaitTimeSeconds=WAIT_SECONDS,
        MessageSystemAttributeNames=["MessageGroupId", "SentTimestamp", "SequenceNumber"],
    ).get("Messages", [])
    if not messages:
        return 0
    items = [item_of(body=one["Body"], place=Place.of_message(one)) for one in messages]
    # As in the service, events with an answer run alone.
    chat = [item for item in items if together and not recording.answer_of(item)]
    if chat:
        attributing.attribute_all(chat)
        storing.store_all(chat)
    for item in items:
        if item not in chat:
            attributing.attribute(item)
            storing.store_one(item)
            recording.record(item)
    sqs.delete_message_batch(
        QueueUrl=queue_url,
        Entries=[
            {"Id": str(index), "ReceiptHandle": message["ReceiptHandle"]}
            for index, message in enumerate(messages)
        ],
    )
    return len(messages)
