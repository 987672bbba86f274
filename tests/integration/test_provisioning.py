"""`manage.py provision` creates what is missing and changes nothing else."""

import io
import json
from typing import Any

import boto3
import pytest
from django.conf import settings
from django.core.management import call_command
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from apps.common.aws import dynamodb_client
from config.celery import app
from operations.provisioning import ensure_queues, ensure_table
from operations.scheduler import ResilientScheduler
from tasks.schedules import ensure_schedules

FOURTEEN_DAYS = str(14 * 24 * 3600)
AS_NEEDED = {
    "FifoQueue": "true",
    "ContentBasedDeduplication": "false",
    "DeduplicationScope": "messageGroup",
    "FifoThroughputLimit": "perMessageGroupId",
    "MessageRetentionPeriod": FOURTEEN_DAYS,
    "MaximumMessageSize": "1048576",
    "VisibilityTimeout": "60",
}
# SQS changes these attributes.
COUNTS = ("ApproximateNumberOf", "LastModifiedTimestamp")


def attributes(sqs: Any, url: str) -> dict[str, str]:
    """Return a queue's attributes without counts and times."""
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return {name: value for name, value in found.items() if not name.startswith(COUNTS)}


def provision() -> str:
    """Run the command. Return its output."""
    output = io.StringIO()
    call_command("provision", stdout=output)
    return output.getvalue()


def table() -> dict[str, Any]:
    """Return the descriptions of the table and its expiry."""
    client = dynamodb_client()
    name = settings.DYNAMODB_MESSAGE_TABLE
    described = client.describe_table(TableName=name)["Table"]
    expiry = client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    return {**described, "expiry": expiry}


@pytest.mark.parametrize("name", ["SQS_CONVERSATION_QUEUE_URL", "SQS_CONVERSATION_DLQ_URL"])
def test_both_queues_keep_messages_for_14_days_and_scale_by_group(sqs: Any, name: str) -> None:
    assert attributes(sqs, getattr(settings, name)).items() >= AS_NEEDED.items()


def test_sqs_moves_a_message_to_the_dead_letter_queue_after_100_receives(sqs: Any) -> None:
    dead_letters = attributes(sqs, settings.SQS_CONVERSATION_DLQ_URL)

    policy = json.loads(attributes(sqs, settings.SQS_CONVERSATION_QUEUE_URL)["RedrivePolicy"])

    assert policy == {"deadLetterTargetArn": dead_letters["QueueArn"], "maxReceiveCount": 100}
    assert "RedrivePolicy" not in dead_letters


@pytest.mark.usefixtures("aws")
def test_the_table_has_its_keys_and_its_expiry() -> None:
    described = table()

    assert {key["KeyType"]: key["AttributeName"] for key in described["KeySchema"]} == {
        "HASH": "conversation_uuid",
        "RANGE": "message_key",
    }
    assert described["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert described["expiry"]["TimeToLiveStatus"] == "ENABLED"
    assert described["expiry"]["AttributeName"] == "expires_at"


@pytest.mark.django_db
def test_provisioning_again_changes_nothing(sqs: Any) -> None:
    provision()
    urls = (settings.SQS_CONVERSATION_QUEUE_URL, settings.SQS_CONVERSATION_DLQ_URL)
    before = [attributes(sqs, url) for url in urls], table(), list(PeriodicTask.objects.values())

    assert "The table exists." in provision()

    after = [attributes(sqs, url) for url in urls], table(), list(PeriodicTask.objects.values())
    assert after == before
    assert len(sqs.list_queues()["QueueUrls"]) == 2


def test_attributes_that_somebody_changed_are_put_right(sqs: Any) -> None:
    url = settings.SQS_CONVERSATION_QUEUE_URL
    before = attributes(sqs, url)
    sqs.set_queue_attributes(
        QueueUrl=url, Attributes={"MessageRetentionPeriod": "60", "VisibilityTimeout": "1"}
    )
    assert attributes(sqs, url) != before

    ensure_queues()

    assert attributes(sqs, url) == before


def test_messages_in_the_queue_survive_provisioning(sqs: Any) -> None:
    sqs.send_message(
        QueueUrl=settings.SQS_CONVERSATION_QUEUE_URL,
        MessageBody="{}",
        MessageGroupId="group",
        MessageDeduplicationId="1",
    )

    ensure_queues()
    ensure_table()

    received = sqs.receive_message(QueueUrl=settings.SQS_CONVERSATION_QUEUE_URL)
    assert [message["Body"] for message in received["Messages"]] == ["{}"]


@pytest.mark.usefixtures("aws")
def test_an_expiry_that_is_off_is_switched_on() -> None:
    client = boto3.client("dynamodb", region_name=settings.DYNAMODB_REGION)
    specification = {"Enabled": False, "AttributeName": "expires_at"}
    client.update_time_to_live(
        TableName=settings.DYNAMODB_MESSAGE_TABLE,
        TimeToLiveSpecification=specification,  # type: ignore[arg-type]
    )

    ensure_table()

    assert table()["expiry"]["TimeToLiveStatus"] == "ENABLED"


@pytest.mark.django_db
def test_schedules_are_created_once_and_edits_are_kept() -> None:
    ensure_schedules()
    hourly = IntervalSchedule.objects.create(every=1, period=IntervalSchedule.HOURS)
    PeriodicTask.objects.update(interval=hourly, enabled=False)
    before = list(PeriodicTask.objects.values())

    ensure_schedules()

    assert before
    assert list(PeriodicTask.objects.values()) == before


@pytest.mark.django_db
def test_every_schedule_names_a_task_that_exists() -> None:
    app.loader.import_default_modules()
    ensure_schedules()

    assert set(PeriodicTask.objects.values_list("task", flat=True)) <= set(app.tasks)


@pytest.mark.django_db(transaction=True)
def test_beat_adds_no_schedule_of_its_own() -> None:
    """Celery's clean-up of results has no message group, so a FIFO queue would refuse it."""
    ensure_schedules()
    before = set(PeriodicTask.objects.values_list("task", flat=True))

    ResilientScheduler(app=app, lazy=False)

    assert set(PeriodicTask.objects.values_list("task", flat=True)) == before
