"""`manage.py outbox retry` says what the queue lacks, and keeps what the operator asked for."""

from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from apps.analytics.models import OutboxEvent
from tests.support.backlogs import outbox_row
from tests.support.builders import NOON


@pytest.mark.django_db(transaction=True)
def test_a_missing_queue_is_named_and_the_events_are_sent_later(sqs: Any) -> None:
    outbox_row(1, created_at=NOON, refusal="too large")
    sqs.delete_queue(QueueUrl=settings.SQS_CONVERSATION_QUEUE_URL)

    with pytest.raises(CommandError) as refusal:
        call_command("outbox", "retry")

    sentence = str(refusal.value)
    assert sentence.startswith("SQS does not have such a queue")
    assert sentence.endswith(" 1 will be sent again after beat's next run.")
    assert OutboxEvent.objects.get().refusal == ""
