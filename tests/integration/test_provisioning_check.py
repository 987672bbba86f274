"""`manage.py provision --check` says what differs, and changes nothing."""

import io
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection
from django_celery_beat.models import PeriodicTask

from apps.common.aws import dynamodb_client
from tasks.schedules import ensure_schedules

pytestmark = pytest.mark.django_db

SCHEDULE = "Collect dead letters"


def check() -> tuple[list[str], str]:
    """Run the command. Return the lines of its output, and its error or ""."""
    output = io.StringIO()
    error = ""
    try:
        call_command("provision", "--check", stdout=output)
    except CommandError as found:
        error = str(found)
    return output.getvalue().splitlines(), error


@pytest.mark.usefixtures("aws")
def test_nothing_differs_after_provisioning() -> None:
    ensure_schedules()

    (line,), error = check()

    assert line.startswith("0 differences. The queues, the table")
    assert error == ""


def test_each_difference_is_named_and_none_is_changed(sqs: Any) -> None:
    ensure_schedules()
    sqs.set_queue_attributes(
        QueueUrl=settings.SQS_CONVERSATION_QUEUE_URL,
        Attributes={"VisibilityTimeout": "1", "RedrivePolicy": ""},
    )
    dynamodb_client().update_time_to_live(
        TableName=settings.DYNAMODB_MESSAGE_TABLE,
        TimeToLiveSpecification={"Enabled": False, "AttributeName": "expires_at"},
    )
    PeriodicTask.objects.get(name=SCHEDULE).delete()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = 0")

    lines, error = check()

    policy = [line for line in lines if "RedrivePolicy" in line]
    assert len(policy) == 1
    assert '"maxReceiveCount": 100' in policy[0]
    assert [line for line in lines if line not in policy] == [
        "conversations.fifo: VisibilityTimeout is 1, and should be 60.",
        "conversation_messages: its expiry is off, and should be on with the attribute expires_at.",
        "The role has no lock_timeout.",
        f'The schedule "{SCHEDULE}" is missing.',
    ]
    assert error == "5 differences. Run: python manage.py provision"
    assert check() == (lines, error)


def test_missing_queues_and_tables_are_named(sqs: Any) -> None:
    ensure_schedules()
    for url in (settings.SQS_CONVERSATION_QUEUE_URL, settings.SQS_CONVERSATION_DLQ_URL):
        sqs.delete_queue(QueueUrl=url)
    dynamodb_client().delete_table(TableName=settings.DYNAMODB_MESSAGE_TABLE)

    lines, error = check()

    assert lines == [
        "conversations-dlq.fifo is missing.",
        "conversations.fifo is missing.",
        "conversation_messages is missing.",
    ]
    assert error.startswith("3 differences.")
    assert sqs.list_queues().get("QueueUrls", []) == []


def test_a_standard_queue_is_refused(sqs: Any, settings: Any) -> None:
    url = sqs.create_queue(QueueName="standard")["QueueUrl"]
    settings.SQS_CONVERSATION_DLQ_URL = url

    lines, error = check()

    assert lines == []
    assert error.startswith("standard is a standard queue")
