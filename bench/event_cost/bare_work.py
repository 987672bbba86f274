"""One turn of the bare loop: receive up to ten events, do their storage work, delete them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from apps.messages.events import Arrival
from bench.event_cost import storage

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

WAIT_SECONDS = 2


def take(*, sqs: "SQSClient", queue_url: str, together: bool) -> int:
    """Process the events of one receive, and return how many they were.

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
    if together:
        _store_together(messages)
    else:
        _store_one_by_one(messages)
    sqs.delete_message_batch(
        QueueUrl=queue_url,
        Entries=[
            {"Id": str(index), "ReceiptHandle": message["ReceiptHandle"]}
            for index, message in enumerate(messages)
        ],
    )
    return len(messages)


def _store_one_by_one(messages: "Sequence[MessageTypeDef]") -> None:
    for message in messages:
        event = storage.read(body=message["Body"], arrival=_arrival(message))
        conversation = storage.find_conversation(event)
        storage.store_message(event, conversation)
        storage.store_answer(event, conversation)


def _store_together(messages: "Sequence[MessageTypeDef]") -> None:
    events = [storage.read(body=one["Body"], arrival=_arrival(one)) for one in messages]
    chat = [event for event in events if not event.answer]
    if chat:
        storage.store_messages(chat, storage.find_conversations(chat))
    for event in events:
        if event.answer:
            storage.store_answer(event, storage.find_conversation(event))


def _arrival(message: "MessageTypeDef") -> Arrival:
    attributes = message["Attributes"]
    return Arrival(
        group_id=attributes["MessageGroupId"],
        sent_at=datetime.fromtimestamp(int(attributes["SentTimestamp"]) / 1000, UTC),
        sequence_number=attributes["SequenceNumber"],
    )
