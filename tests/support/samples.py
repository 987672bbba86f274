"""The sample events of the demo as a worker receives them, and a check of their effects."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection

from apps.common.aws import dynamodb_client
from apps.conversations.models import Conversation
from celery_sqs_fifo import Outcome, QueuedEvent, Result
from demo.samples import planned_sample, sample_rows
from tasks.datalake import send_data_lake_event
from testbed.checker.check import check
from testbed.checker.reader import read_stores
from testbed.traffic.events import Closing, Invalid, PlannedEvent, SentEvent
from tests.support.builders import queued_event

START = datetime(2026, 11, 23, 12, 10, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A sample. `event` is the same for every delivery, `planned` has its expected effect."""

    name: str
    expect: str
    planned: PlannedEvent
    event: QueuedEvent

    @property
    def queued_at(self) -> datetime:
        """The time at which the event was queued."""
        return datetime.fromtimestamp(self.event.place.queue_time / 1_000, UTC)


def samples() -> list[Sample]:
    """Return all samples, queued a second apart."""
    return [
        Sample(
            name=row["name"],
            expect=row["expect"],
            planned=planned_sample(row, number=number),
            event=queued_event(
                body=row["MessageBody"],
                group_id=row["MessageGroupId"],
                sent_at=START + timedelta(seconds=number),
            ),
        )
        for number, row in enumerate(sample_rows())
    ]


def check_effects(
    delivered: Iterable[tuple[Sample, Outcome | None]], *, sqs: Any, lake: Path
) -> None:
    """Fail unless the stores and the lake have exactly the expected effects of these samples."""
    sent = []
    for sample, outcome in delivered:
        match sample.planned.effect:
            case Invalid():
                assert outcome is not None, sample.name
                assert outcome.result is Result.INVALID, sample.name
                continue
            case Closing():
                group = sample.event.group_id
                closed = Conversation.objects.filter(group_id=group, ended_at=sample.queued_at)
                assert closed.exists(), sample.name
        assert outcome is None, (sample.name, outcome)
        sent.append(
            SentEvent(
                event=sample.planned,
                message_id=sample.event.message_id,
                sequence_number=sample.event.place.sequence_number,
                sent_from=sample.queued_at,
                sent_until=sample.queued_at,
            )
        )
    send_data_lake_event.run()
    stores = read_stores(
        database_url=database_url(),
        dynamodb=dynamodb_client(),
        table=settings.DYNAMODB_MESSAGE_TABLE,
        sqs=sqs,
        queue_url=settings.SQS_CONVERSATION_QUEUE_URL,
        dead_letter_queue_url=settings.SQS_CONVERSATION_DLQ_URL,
        lake=lake,
    )
    # The samples are dated in the past, but no beat runs that would close their conversations.
    rows = [replace(row, is_past_closing=False) for row in stores.conversations]
    assert check(sent=sent, stores=replace(stores, conversations=rows)) == []


def database_url() -> str:
    """Return the address of the database that pytest-django has created."""
    options = connection.get_connection_params()
    return "postgres://{user}:{password}@{host}:{port}/{dbname}".format(**options)
