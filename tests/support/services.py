"""The services that the steps call, with the values that tests leave out."""

from datetime import datetime
from uuid import UUID

from apps.analytics.services import NewAnswer, record_answer
from apps.conversations import selectors, services, takeovers, windows
from apps.conversations.attribution import Attribution
from apps.conversations.contacts import Contact
from apps.conversations.models import Resolution
from apps.conversations.services import Closed
from apps.conversations.spans import NewestMessage
from apps.conversations.takeovers import TakenOver
from apps.conversations.windows import WindowUpdate
from apps.messages import store
from tests.support.builders import HOME, contact, place


def answer_recorded(
    *,
    of: Contact | None = None,
    message_id: str = "answer-1",
    to: UUID | None = None,
    key: str = "weni_csat",
    value: str = "5",
    problem: str = "",
    at: datetime,
    sequence_number: int | None = None,
    correlation_id: str = "",
    now: datetime | None = None,
) -> bool:
    """Record an answer that was queued at `at`. Return whether it is new."""
    answer = NewAnswer(
        contact=of or contact(),
        conversation_uuid=to,
        place=place(queue_time=at, sequence_number=sequence_number),
        message_id=message_id,
        key=key,
        value=value,
        score=int(value) if key.startswith("weni_") and not problem else None,
        problem=problem,
        message=None,
        correlation_id=correlation_id,
    )
    return record_answer(answer=answer, now=now or at)


def close_by_event(
    *,
    resolution: Resolution = Resolution.RESOLVED,
    sent_at: datetime,
    now: datetime,
    dynamodb: bool = True,
) -> Closed:
    """Close the default contact's conversation by an event that was queued at `sent_at`."""
    return services.close(
        contact=contact(),
        resolution=resolution,
        place=place(queue_time=sent_at),
        newest=_newest_message(dynamodb=dynamodb),
        now=now,
    )


def take_over(window: WindowUpdate, *, sent_at: datetime, group: str = HOME) -> TakenOver:
    """Take over the default contact's conversation, which has no messages in DynamoDB."""
    return takeovers.take_over(
        contact=contact(),
        window=window,
        place=place(queue_time=sent_at, group=group),
        newest=_newest_message(dynamodb=False),
        now=sent_at,
    )


def apply_window(
    window: WindowUpdate, *, sent_at: datetime, group: str = HOME
) -> Attribution | None:
    """Apply a window of the default contact."""
    return windows.update_or_open(
        contact=contact(), window=window, place=place(queue_time=sent_at, group=group)
    )


def _newest_message(*, dynamodb: bool) -> NewestMessage | None:
    found = selectors.in_progress(contact())
    if found is None:
        return None
    place = store.newest_place(found.uuid, home=found.group_id) if dynamodb else None
    return NewestMessage(conversation_uuid=found.uuid, place=place)
