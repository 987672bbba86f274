"""Events stay in order when workers of the embedded stack are killed under load."""

from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import pytest
from django.conf import settings as django_settings
from django.db import connection

from apps.conversations.models import Conversation, Resolution
from embedded.service import running_worker
from embedded.stack import Stack
from operations.provisioning import ensure_queues, ensure_table
from testbed.traffic.sending import depth
from tests.support.builders import CHANNEL, NOON, PROJECT, close_body, message_body
from tests.support.running_workers import wait_until
from tests.support.stored import archived_ids, stored_ids

CONTACTS = 10
CONVERSATIONS = 13
MESSAGES = 3
# The minimum that the service accepts.
VISIBILITY_TIMEOUT = 10
# The share of the load that is left when a worker is killed.
KILLS_AT = (0.85, 0.6, 0.35)
TOTAL = CONTACTS * (CONVERSATIONS * MESSAGES + CONVERSATIONS - 1)


@pytest.fixture
def environment(
    stack: Stack, transactional_db: None, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> dict[str, str]:
    """The stack's settings for the service, with new queues and stores."""
    name = f"conversations-{uuid4().hex[:8]}"
    queues = stack.environment["SQS_CONVERSATION_QUEUE_URL"].rpartition("/")[0]
    environment = {
        **stack.environment,
        "DATABASE_URL": stack.database_url.rpartition("/")[0]
        + f"/{connection.settings_dict['NAME']}",
        "SQS_CONVERSATION_QUEUE_URL": f"{queues}/{name}.fifo",
        "SQS_CONVERSATION_DLQ_URL": f"{queues}/{name}-dlq.fifo",
        "SQS_CONVERSATION_VISIBILITY_TIMEOUT": str(VISIBILITY_TIMEOUT),
        "DYNAMODB_MESSAGE_TABLE": name,
    }
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", stack.sqs_url)
    settings.SQS_CONVERSATION_QUEUE_URL = environment["SQS_CONVERSATION_QUEUE_URL"]
    settings.SQS_CONVERSATION_DLQ_URL = environment["SQS_CONVERSATION_DLQ_URL"]
    settings.SQS_CONVERSATION_VISIBILITY_TIMEOUT = VISIBILITY_TIMEOUT
    settings.DYNAMODB_MESSAGE_TABLE = name
    ensure_queues()
    ensure_table()
    return environment


def bodies(contact: str) -> Iterator[str]:
    """Yield the events of a contact's conversations, which are closed except for the last."""
    for conversation in range(CONVERSATIONS):
        for number in range(MESSAGES):
            at = NOON + timedelta(minutes=conversation * MESSAGES + number)
            message = {"id": f"{conversation}-{number}", "created_at": at.isoformat()}
            yield message_body(urn=contact, message=message)
        if conversation < CONVERSATIONS - 1:
            yield close_body(urn=contact)


def send(sqs: Any, queue_url: str) -> None:
    """Send the events of all contacts in turn."""
    contacts = [f"telegram:{number}" for number in range(CONTACTS)]
    for of_each in zip(*map(bodies, contacts), strict=True):
        entries = [
            {
                "Id": str(number),
                "MessageBody": body,
                "MessageGroupId": f"{PROJECT}:{CHANNEL}:{contact}",
                "MessageDeduplicationId": str(uuid4()),
            }
            for number, (contact, body) in enumerate(zip(contacts, of_each, strict=True))
        ]
        answer = sqs.send_message_batch(QueueUrl=queue_url, Entries=entries)
        assert len(answer["Successful"]) == CONTACTS


def is_down_to(share: float, *, sqs: Any, queue_url: str) -> bool:
    """Whether at most this share of the load is on the queue."""
    return depth(sqs, queue_url) <= TOTAL * share


def message_ids(conversation: Conversation) -> list[str]:
    """Return the archived messages, then those in DynamoDB."""
    return [*archived_ids(conversation), *stored_ids(conversation)]


@pytest.mark.slow
def test_nothing_is_out_of_order_when_workers_are_killed_under_load(
    environment: dict[str, str], tmp_path: Path
) -> None:
    queue_url = environment["SQS_CONVERSATION_QUEUE_URL"]
    sqs = boto3.client("sqs", region_name=django_settings.SQS_CONVERSATION_REGION)
    send(sqs, queue_url)
    assert depth(sqs, queue_url) == TOTAL

    for number, share in enumerate((*KILLS_AT, 0.0)):
        name = f"worker{number}"
        with running_worker(environment=environment, logs=tmp_path, name=name) as worker:
            wait_until(
                partial(is_down_to, share, sqs=sqs, queue_url=queue_url),
                timeout=90,
                workers=[worker],
            )
            if share:
                worker.kill()

    expected = [[f"{one}-{number}" for number in range(MESSAGES)] for one in range(CONVERSATIONS)]
    for contact in range(CONTACTS):
        found = Conversation.objects.filter(contact_urn=f"telegram:{contact}").order_by("opened_at")
        assert [message_ids(conversation) for conversation in found] == expected
        resolutions = [conversation.resolution for conversation in found]
        assert resolutions == [Resolution.RESOLVED] * (CONVERSATIONS - 1) + [Resolution.IN_PROGRESS]
    assert depth(sqs, environment["SQS_CONVERSATION_DLQ_URL"]) == 0
