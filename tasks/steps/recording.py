"""The work of handle_csat: record the survey answers of events."""

from apps.analytics.services import record_answer
from apps.common.clock import now
from apps.conversations.erasing import ContactErased
from apps.messages.entries import id_for_key
from apps.messages.events import MessageEvent, SurveyAnswer
from celery_sqs_fifo import BatchItem
from observability.metrics import counters
from tasks.steps.progress import log_dropped_event


def record(item: BatchItem) -> None:
    """Record the survey answer of an event, if it has one."""
    event = item.state.event
    answer = answer_of(item)
    if not answer:
        return
    try:
        is_new = record_answer(
            contact=event.contact,
            message_id=id_for_key(event.message_id),
            conversation_uuid=item.state.answered_uuid,
            key=answer.key,
            value=answer.value,
            score=answer.score,
            answered_at=event.at,
            sent_at=event.arrival.sent_at,
            sequence_number=event.arrival.sequence_number,
            correlation_id=event.correlation_id,
            now=now(),
        )
    except ContactErased:
        log_dropped_event(item)
    else:
        if not is_new:
            counters.metrics().duplicates.labels("answer").inc()


def answer_of(item: BatchItem) -> SurveyAnswer | None:
    """Return the survey answer of an event, or None."""
    event = item.state.event
    return event.answer if isinstance(event, MessageEvent) else None
