"""The work of handle_csat: record the survey answers of events."""

from typing import Any

from apps.analytics.services import NewAnswer, record_answer
from apps.common.clock import now
from apps.conversations.erasing import ContactErased
from apps.conversations.places import time_of
from apps.messages import deletions
from apps.messages.events import MessageEvent, SurveyAnswer
from apps.messages.versions import identity
from celery_sqs_fifo import BatchItem
from observability.metrics import counters
from tasks.steps.progress import log_dropped_event


def record(item: BatchItem) -> None:
    """Record the survey answer of an event, if it has one."""
    event = item.state.event
    answer = answer_of(item)
    if not answer or item.state.is_erased:
        return
    try:
        is_new = record_answer(
            answer=NewAnswer(
                contact=event.contact,
                conversation_uuid=item.state.conversation_uuid,
                place=event.place,
                message_id=event.message_id,
                key=answer.key,
                value=answer.value,
                score=answer.score,
                problem=answer.problem,
                message=_text_to_keep(item),
                correlation_id=event.correlation_id,
            ),
            now=now(),
        )
    except ContactErased:
        log_dropped_event(item)
    else:
        item.state.has_new_answer = is_new
        counters.count_answer(is_new=is_new, problem=answer.problem)


def _text_to_keep(item: BatchItem) -> dict[str, Any] | None:
    """Return the message of an answer, or None if there is none or its author deleted it."""
    entry = item.state.event.entry
    if entry is None or item.state.conversation_uuid:
        return entry.message if entry else None
    name = identity(entry.as_json(home=item.state.home))
    at = time_of(item.state.event.place)
    for waiting in deletions.waiting_for(item.state.event.contact, identity=name, now=now()):
        since, until = deletions.period_of(waiting.queue_time)
        if since <= at <= until:
            return None
    message: dict[str, Any] = entry.message
    return message


def answer_of(item: BatchItem) -> SurveyAnswer | None:
    """Return the survey answer of an event, or None."""
    event = item.state.event
    return event.answer if isinstance(event, MessageEvent) else None
