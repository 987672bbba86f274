"""Events as accepted by SQS, with numbers and sequence numbers from 1."""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from testbed.traffic.events import Contact, Effect, PlannedEvent, SentEvent

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def planned(
    number: int, effect: Effect, *, contact: Contact, body: Mapping[str, Any] | None = None
) -> PlannedEvent:
    return PlannedEvent(
        number=number,
        at=float(number),
        contact=contact,
        group_id=f"{contact.urn}-group",
        deduplication_id=str(number),
        body=json.dumps(body or {"correlation_id": f"e-{number}"}),
        effect=effect,
    )


def as_sent(events: Iterable[PlannedEvent]) -> list[SentEvent]:
    return [
        SentEvent(
            event=event,
            message_id=f"sqs-{number}",
            sequence_number=number,
            sent_from=NOON,
            sent_until=NOON + timedelta(seconds=1),
        )
        for number, event in enumerate(events, start=1)
    ]
