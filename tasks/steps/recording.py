"""handle_csat: record the survey answers that events bring."""

from apps.analytics.services import record_answer
from apps.common.clock import now
from apps.conversations.erasing import ContactErased
from apps.messages.entries import id_for_key
from apps.messages.events import MessageEvent, SurveyAnswer
from celery_sqs_fifo import BatchItem
from observability.metrics import counters
from tasks.steps.progress import log_erased


def record(item: BatchItem) -> None:
    """Record the survey answer of an event, if it brings one."""
    event = item.state.event
    answer = answer_of(item)
    if not answer:
        return
    try:
        is_new = record_answer(
            contact=event.contact,
            message_id=id_for_key(event.message_id),
            conversation_uuid=item.state.answered,
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
        log_erased(item)
    else:
        if not is_new:
            counters.metrics().duplicates.labels("answer").inc()


def answer_of(item: BatchItem) -> SurveyAnswer | None:
    """The survey answer that an event brings, if any."""
    event = item.state.event
    return event.answer if isinstance(event, MessageEvent) else None
