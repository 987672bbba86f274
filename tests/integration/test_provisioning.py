"""`manage.py provision` creates missing resources and corrects changed settings."""

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest
from botocore.httpsession import URLLib3Session
from django.conf import settings
from django.core.management import call_command
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from apps.common.aws import dynamodb_client
from config.celery import app
from operations.provisioning import ensure_queues, ensure_table
from operations.scheduler import ResilientScheduler
from tasks.schedules import SCHEDULES, ensure_schedules

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
# SQS itself changes these attributes.
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


@contextmanager
def recorded_calls() -> Iterator[list[tuple[str, dict[str, Any]]]]:
    """Yield the actions that are called in the block, with their parameters."""
    calls: list[tuple[str, dict[str, Any]]] = []
    send = URLLib3Session.send

    def record(session: URLLib3Session, request: AWSPreparedRequest) -> Any:
        target: Any = request.headers["X-Amz-Target"]
        name = target.decode() if isinstance(target, bytes) else target
        body: Any = request.body
        calls.append((name.rpartition(".")[2], json.loads(body)))
        return send(session, request)

    with patch.object(URLLib3Session, "send", record):
        yield calls


def changing(calls: list[tuple[str, dict[str, Any]]]) -> list[str]:
    """Return the actions that change something."""
    return [action for action, _ in calls if not action.startswith(("Get", "Describe", "List"))]


def table() -> dict[str, Any]:
    """Return the descriptions of the table and its expiry."""
    client = dynamodb_client()
    name = settings.DYNAMODB_MESSAGE_TABLE
    described = client.describe_table(TableName=name)["Table"]
    expiry = client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    return {**described, "expiry": expiry}


@pytest.mark.parametrize("name", ["SQS_CONVERSATION_QUEUE_URL", "SQS_CONVERSATION_DLQ_URL"])
def test_both_queues_keep_messages_for_14_days_and_have_high_throughput(
    sqs: Any, name: str
) -> None:
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

    with recorded_calls() as calls:
        assert provision().startswith("0 changes.")
    assert calls
    assert changing(calls) == []

    after = [attributes(sqs, url) for url in urls], table(), list(PeriodicTask.objects.values())
    assert after == before
    assert len(sqs.list_queues()["QueueUrls"]) == 2


@pytest.mark.django_db
def test_one_change_is_counted_in_the_singular(sqs: Any) -> None:
    provision()
    PeriodicTask.objects.get(name="Collect dead letters").delete()

    assert "\n1 change. The queues, " in provision()


def test_changed_attributes_are_corrected(sqs: Any) -> None:
    url = settings.SQS_CONVERSATION_QUEUE_URL
    before = attributes(sqs, url)
    sqs.set_queue_attributes(
        QueueUrl=url, Attributes={"MessageRetentionPeriod": "60", "VisibilityTimeout": "1"}
    )
    assert attributes(sqs, url) != before
    changes: list[str] = []

    with recorded_calls() as calls:
        ensure_queues(report=changes.append)

    assert attributes(sqs, url) == before
    (set_attributes,) = [sent for action, sent in calls if action == "SetQueueAttributes"]
    assert set_attributes["Attributes"].keys() == {"MessageRetentionPeriod", "VisibilityTimeout"}
    assert changes == [
        f"conversations.fifo: MessageRetentionPeriod was 60, and is now {FOURTEEN_DAYS}.",
        "conversations.fifo: VisibilityTimeout was 1, and is now 60.",
    ]


def test_a_changed_maximum_of_receives_is_corrected(sqs: Any) -> None:
    url = settings.SQS_CONVERSATION_QUEUE_URL
    before = attributes(sqs, url)
    policy = {**json.loads(before["RedrivePolicy"]), "maxReceiveCount": "5"}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": json.dumps(policy)})
    changes: list[str] = []

    ensure_queues(report=changes.append)

    assert [change.partition(" was ")[0] for change in changes] == [
        "conversations.fifo: RedrivePolicy"
    ]
    assert json.loads(attributes(sqs, url)["RedrivePolicy"])["maxReceiveCount"] == 100


@pytest.mark.django_db
def test_a_new_installation_is_created_and_each_change_printed(stack: Any, sqs: Any) -> None:
    for url in (settings.SQS_CONVERSATION_QUEUE_URL, settings.SQS_CONVERSATION_DLQ_URL):
        sqs.delete_queue(QueueUrl=url)
    dynamodb_client().delete_table(TableName=settings.DYNAMODB_MESSAGE_TABLE)

    lines = provision().splitlines()

    assert lines == [
        "conversations-dlq.fifo: created.",
        "conversations.fifo: created.",
        f"{settings.DYNAMODB_MESSAGE_TABLE}: created.",
        f"{settings.DYNAMODB_MESSAGE_TABLE}: its expiry was off, and is now on with the attribute "
        "expires_at.",
        *(f'The schedule "{name}": created.' for name in SCHEDULES),
        "12 changes. The queues, the table, the role's time limits and the schedules are as they "
        "should be.",
    ]


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
def test_a_disabled_expiry_is_enabled() -> None:
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
