"""Turns events into dead letters before the service starts, and requests redrives while it runs."""

import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import psycopg2

from testbed.traffic.effects import MAX_SECONDS_APART
from testbed.traffic.events import PlannedEvent, SentEvent
from testbed.traffic.sending import EventQueue

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

# The reason of these dead letters.
REASON = "bug"
# Longer than the service needs to start.
_HOLD_SECONDS = 600
# The pause after each event. The close of the first group must be later on the queue than all
# events of the second group. Between groups the queue time decides, and the clocks of SQS's servers
# differ by up to MAX_SECONDS_APART (40 ms). Five of these pauses, together 100 ms, are between the
# second group's last event and the close.
_APART_SECONDS = MAX_SECONDS_APART / 2
# Request redrives as the admin site does. If a redrive has locked a row, this statement waits for
# it, and then checks the outer condition again. So no letter that was redriven meanwhile is
# requested.
_REQUEST = """
UPDATE conversation_messages_deadletter SET redrive_requested_at = now()
WHERE redriven_at IS NULL AND id IN (
    SELECT id FROM conversation_messages_deadletter WHERE redriven_at IS NULL
    ORDER BY random() LIMIT %s
)
"""


@contextmanager
def earlier_events(
    events: Sequence[PlannedEvent], *, sqs: "SQSClient", queue_url: str, dead_letter_queue_url: str
) -> Iterator[list[SentEvent]]:
    """Send events, and move those that will be redriven to the dead-letter queue.

    The copies are as the service would have made them. The queue must be empty and have no
    consumer. The other events are invisible until the end of the block, so that the service can
    start in the block. Raises RuntimeError if SQS does not deliver an event.
    """
    queue = EventQueue(sqs=sqs, url=queue_url)
    sent: list[SentEvent] = []
    held: list[MessageTypeDef] = []
    for contact in dict.fromkeys(event.contact for event in events):
        of_contact = []
        for event in events:
            if event.contact == contact:
                of_contact += queue.send([event])
                time.sleep(_APART_SECONDS)
        # One call must receive all messages of a contact: while a message is in flight, SQS
        # delivers no other message of its group.
        received = {
            message["MessageId"]: message
            for message in sqs.receive_message(
                QueueUrl=queue_url,
                MaxNumberOfMessages=10,
                VisibilityTimeout=_HOLD_SECONDS,
                MessageSystemAttributeNames=["All"],
                MessageAttributeNames=["All"],
            ).get("Messages", [])
        }
        if received.keys() != {one.message_id for one in of_contact}:
            raise RuntimeError("SQS did not deliver all messages of a contact.")
        for one in of_contact:
            message = received[one.message_id]
            if one.event.is_redriven:
                _quarantine(message, sqs=sqs, url=dead_letter_queue_url)
                sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
            else:
                held.append(message)
        sent += of_contact
    yield sent
    for message in held:
        sqs.change_message_visibility(
            QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
        )


def request_redrives(*, database_url: str, count: int) -> None:
    """Request the redrive of some waiting dead letters, chosen at random.

    Letters of invalid events become dead letters again.
    """
    with (
        closing(psycopg2.connect(database_url)) as connection,
        connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(_REQUEST, [count])


def _quarantine(message: "MessageTypeDef", *, sqs: "SQSClient", url: str) -> None:
    """Copy a message to the dead-letter queue, as docs/events.md describes dead letters."""
    system = message["Attributes"]
    group_id = system["MessageGroupId"]
    texts = {
        "place": f"{system['SentTimestamp']:>013}-{system['SequenceNumber']:>039}-{group_id}",
        "reason": REASON,
        "source_message_id": message["MessageId"],
        "receive_count": system["ApproximateReceiveCount"],
        "error": "a bug that has been fixed since",
    }
    sqs.send_message(
        QueueUrl=url,
        MessageBody=message["Body"],
        MessageGroupId=group_id,
        MessageDeduplicationId=message["MessageId"],
        MessageAttributes={
            **{name: {"DataType": "String", "StringValue": text} for name, text in texts.items()},
            **message["MessageAttributes"],
        },
    )
