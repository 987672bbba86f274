"""Creates rows that wait to be processed: dead letters, and events for the data lake."""

from datetime import datetime
from typing import Any

from apps.analytics.models import OutboxEvent, SurveyAnswer
from apps.messages.models import DeadLetter
from tests.support.builders import CHANNEL, NOON, URN, project


def dead_letter(number: int, *, reason: str, queued_at: datetime, **fields: Any) -> None:
    """Store a dead letter."""
    DeadLetter.objects.create(
        message_id=f"letter-{number}",
        group_id="group",
        sequence_number=number,
        body="{}",
        reason=reason,
        queue_time=queued_at,
        receive_count=1,
        collected_at=NOON,
        **fields,
    )


def outbox_row(number: int, *, created_at: datetime, **fields: Any) -> None:
    """Store an event that waits to be sent to the data lake."""
    answer = SurveyAnswer.objects.create(
        project=project(),
        channel_uuid=CHANNEL,
        contact_urn=URN,
        message_id=f"m-{number}",
        key="custom",
        value="1",
        identity=str(number),
        answered_at=NOON,
        sequence_number=number,
        group_id="group",
    )
    OutboxEvent.objects.create(answer=answer, payload={}, created_at=created_at, **fields)
