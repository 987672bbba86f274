"""The three steps that every event runs through: process_message, persist_dynamo, handle_csat."""

from functools import partial

from celery import shared_task
from django.db import close_old_connections

from celery_sqs_fifo import BatchItem, process_each, process_together
from tasks.base import StepTask, outcome_of, outcome_of_all, with_log_fields
from tasks.outbox_hints import hints
from tasks.steps import attributing, judging, reading, recording, storing


@shared_task(base=StepTask)
def process_message(batch: list[BatchItem]) -> None:
    """Read the events, and find, open or close their conversations."""
    close_old_connections()
    process_each(batch, with_log_fields(reading.read), outcome_of=outcome_of)
    process_together(
        batch,
        handle_all=attributing.attribute_all,
        handle=with_log_fields(attributing.attribute),
        outcome_of=outcome_of_all,
        scope_of=attributing.project_of,
    )


@shared_task(base=StepTask)
def persist_dynamo(batch: list[BatchItem]) -> None:
    """Store messages in DynamoDB, archive those of closed conversations, and delete messages."""
    store_one = with_log_fields(storing.store_one)
    process_together(
        batch, handle_all=storing.store_all, handle=store_one, outcome_of=outcome_of_all
    )
    migrate_closed = with_log_fields(partial(storing.migrate_closed, archived=set()))
    process_each(batch, migrate_closed, outcome_of=outcome_of)
    process_each(batch, with_log_fields(storing.delete_message), outcome_of=outcome_of)


@shared_task(base=StepTask)
def handle_csat(batch: list[BatchItem]) -> None:
    """Record survey answers, hint that the outbox has events, and count producers' problems."""
    process_each(batch, with_log_fields(recording.record), outcome_of=outcome_of)
    has_answers = any(item.outcome is None and recording.answer_of(item) for item in batch)
    hints.note(has_answers=has_answers)
    judging.count_problems(batch)
