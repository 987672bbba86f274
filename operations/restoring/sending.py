"""Sending stored messages to the events' queue again, with their original places."""

import logging
from typing import Any, NamedTuple
from uuid import UUID

from apps.common import aws
from apps.messages.rebuilding import body_of
from celery_sqs_fifo import PLACE
from operations.restoring.facts import Lost
from tasks.deadletters.queue import BATCH, send_to_events, size_of

logger = logging.getLogger(__name__)


class Refused(NamedTuple):
    """A message that was not sent, by its conversation and its key in DynamoDB, and the reason."""

    conversation_uuid: UUID
    key: str
    why: str


class Sender:
    """Sends messages in batches. The messages of a group keep their order.

    `refused` has those that SQS did not accept, with its error code, and those that are too large
    to be sent with a place.
    """

    def __init__(self) -> None:
        self.sent = 0
        self.refused: list[Refused] = []
        self._batch: list[tuple[Lost, dict[str, Any]]] = []
        self._size = 0

    def send(self, lost: Lost) -> None:
        """Send a message with the next batch. Raise Unavailable."""
        message = _message(lost)
        size = size_of(message)
        if size > aws.SQS_MAX_MESSAGE_BYTES:
            self._refuse(lost, "too large to be sent with its place")
            return
        if len(self._batch) == BATCH or self._size + size > aws.SQS_MAX_MESSAGE_BYTES:
            self.flush()
        self._batch.append((lost, message))
        self._size += size

    def flush(self) -> None:
        """Send the messages that wait for a batch. Raise Unavailable."""
        if not self._batch:
            return
        codes = send_to_events([message for _, message in self._batch])
        for index, code in codes.items():
            self._refuse(self._batch[index][0], code)
        self.sent += len(self._batch) - len(codes)
        self._batch, self._size = [], 0

    def _refuse(self, lost: Lost, why: str) -> None:
        logger.warning(
            "message_not_sent_again",
            extra={"conversation": str(lost.conversation_uuid), "place": lost.key, "why": why},
        )
        self.refused.append(Refused(lost.conversation_uuid, lost.key, why))


def _message(lost: Lost) -> dict[str, Any]:
    """Return the message to send. Within five minutes, SQS drops one that is sent twice."""
    place = lost.event.place
    return {
        "MessageBody": body_of(lost.document, contact=lost.event.contact),
        "MessageGroupId": place.group,
        "MessageDeduplicationId": f"{lost.conversation_uuid}:{lost.key}",
        "MessageAttributes": {PLACE: {"DataType": "String", "StringValue": str(place)}},
    }
