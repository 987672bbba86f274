"""Publish many pointers, ten with each call to SQS."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from botocore.exceptions import BotoCoreError, ClientError
from kombu.utils.json import dumps

from celery_sqs_fifo.aws import MAX_BATCH_ENTRIES

if TYPE_CHECKING:
    from celery_sqs_fifo.running.task import FifoTask

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointer:
    """A pointer to publish: a task and its arguments, with a group and a deduplication id."""

    task: "FifoTask"
    arguments: tuple[str, ...]
    message_group: str
    deduplication_id: str


def publish_each(pointers: Iterable[Pointer], *, app: Any) -> list[Pointer]:
    """Publish pointers to the app's default queue. Return those that SQS did not accept.

    If a call fails, publishing stops: the pointers of that call and all later ones are returned.
    Pointers of one group keep their order only if SQS accepts all of them.
    """
    waiting = list(pointers)
    refused: list[Pointer] = []
    with app.producer_or_acquire() as producer:
        while batch := waiting[:MAX_BATCH_ENTRIES]:
            try:
                refused += _publish_batch(batch, channel=producer.channel, app=app)
            except (BotoCoreError, ClientError) as error:
                logger.warning("publish_failed", extra={"error": type(error).__name__})
                return refused + waiting
            waiting = waiting[MAX_BATCH_ENTRIES:]
    return refused


def _publish_batch(batch: list[Pointer], *, channel: Any, app: Any) -> list[Pointer]:
    messages = [_message(pointer, channel=channel, app=app) for pointer in batch]
    refused = channel.put_all(app.conf.task_default_queue, messages)
    return [batch[number] for number in refused]


def _message(pointer: Pointer, *, channel: Any, app: Any) -> dict[str, Any]:
    """Return the message that Celery would publish, with its group and deduplication id."""
    message = app.amqp.as_task_v2(
        str(uuid4()), pointer.task.name, args=pointer.arguments, ignore_result=True
    )
    prepared: dict[str, Any] = channel.prepare_message(
        dumps(message.body),
        content_type="application/json",
        content_encoding="utf-8",
        headers=message.headers,
        properties={
            "MessageGroupId": pointer.message_group,
            "MessageDeduplicationId": pointer.deduplication_id,
        },
    )
    return prepared
