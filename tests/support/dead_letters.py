"""Creates dead letters in a new dead-letter queue, as workers write them."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest

from apps.messages import dead_letters
from apps.messages.dead_letters import Selection
from apps.messages.models import DeadLetter
from celery_sqs_fifo.consuming.dead_letter import dead_letter
from celery_sqs_fifo.delivery import Delivery
from celery_sqs_fifo.place import Place
from tasks.deadletters.collect import collect_dead_letters
from tasks.deadletters.redrive import Redrive, redrive
from tasks.event_rules import RULES
from testbed.sqs.fifo import Fifo
from tests.support.builders import NOON, URN, message_body, sequence_at
from tests.support.fake_calls import delivery
from tests.support.service_queue import ServiceQueue

MAX_BYTES = 1_048_576
GROUP = f"group:{URN}"

_NUMBERS = count(1)


class Killed(BaseException):
    """Simulates the kill of a process. No code catches this exception."""


@contextmanager
def dead_letter_queue_of(queue: ServiceQueue, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fifo]:
    """Create a dead-letter queue for a queue. The service uses both within the block."""
    other = queue.another(
        DeduplicationScope="messageGroup", FifoThroughputLimit="perMessageGroupId"
    )
    with monkeypatch.context() as patch:
        patch.setattr("django.conf.settings.SQS_CONVERSATION_QUEUE_URL", queue.url)
        patch.setattr("django.conf.settings.SQS_CONVERSATION_DLQ_URL", other.url)
        yield other
    queue.strict.clear_faults()


def bury(
    letters: Fifo,
    body: str | None = None,
    *,
    group: str = GROUP,
    reason: str = "bug",
    error: str = "ValueError at steps.py:1",
    sent_at: datetime = NOON,
    sequence_number: int | None = None,
    attributes: Mapping[str, Any] | None = None,
) -> str:
    """Quarantine an event as a worker does. Return the id of the dead letter.

    By default the event has the next sequence number.
    """
    number = next(_NUMBERS)
    place = Place(
        int(sent_at.timestamp() * 1000),
        sequence_at(sent_at, number=number) if sequence_number is None else sequence_number,
        group,
    )
    buried = delivery(
        f"source-{number}",
        body=message_body() if body is None else body,
        group=group,
        sent_at=sent_at.timestamp(),
        attributes=attributes,
        texts=RULES.texts_of(attributes or {}),
        place=place,
        receive_count=3,
    )
    return bury_delivery(letters, buried, reason=reason, error=error)


def bury_delivery(
    letters: Fifo, delivery: Delivery, *, reason: str = "bug", error: str = ""
) -> str:
    """Quarantine a delivery of the service's queue. Return the id of the dead letter."""
    letter = dead_letter(delivery, reason=reason, error=error, max_bytes=MAX_BYTES)
    answer = letters.client.send_message(QueueUrl=letters.url, **letter)
    return str(answer["MessageId"])


def bury_numbered(letters: Fifo, number: int, *, group: str = GROUP, **fields: Any) -> str:
    """Quarantine the message `m-NUMBER`, sent `number` seconds after noon."""
    sent_at = NOON + timedelta(seconds=number)
    body = message_body(message={"id": f"m-{number}", "created_at": sent_at.isoformat()})
    return bury(letters, body, group=group, sent_at=sent_at, **fields)


def collect() -> list[DeadLetter]:
    """Collect dead letters. Return all that are in PostgreSQL, in their order."""
    collect_dead_letters.run()
    return kept()


def kept() -> list[DeadLetter]:
    """Return all dead letters in PostgreSQL, in their order."""
    return list(dead_letters.select(Selection(with_redriven=True)))


def redrive_all(*, again: bool = False, **options: Any) -> Redrive:
    """Redrive all dead letters. With `again`, include letters that were redriven before."""
    return redrive(
        dead_letters.plan(dead_letters.select(Selection(with_redriven=again))), **options
    )


def numbers(bodies: list[str]) -> list[str]:
    """Return the ids of the messages in these bodies."""
    return [json.loads(body)["data"]["message"]["id"] for body in bodies]
