"""Each role allows the calls that its program makes, and no others.

The programs run as users start them, each with an access key of its own, on what the template
creates on moto. A recorder before the servers sees every call. The test makes each program do all
its work, also what is rare: dead letters and their redrives, large messages, leases that are
renewed or returned, and the correction of changed queues.
"""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from string import ascii_letters
from uuid import UUID, uuid4

import psycopg2
import pytest
import requests
from django.contrib.auth.models import User
from django.db import connection
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from apps.common.clock import now
from apps.common.lossless_json import dump
from apps.conversations import spans
from apps.conversations.models import Conversation
from apps.conversations.project_models import Project
from apps.conversations.span_models import Span
from apps.messages.message_items import items_of
from apps.messages.models import DeadLetter
from apps.messages.openings import Opening
from celery_sqs_fifo import Place
from embedded.network import free_port
from embedded.service import running_beat, running_flower, running_web, running_worker
from embedded.stack import Stack
from tests.deploy.aws.deployment import (
    STREAM,
    Deployment,
    create_stream,
    database_of,
    login_from_secret,
    reset,
    settings_of,
    signed_in,
)
from tests.deploy.aws.grants import grants_of, needed_keys, needed_logins
from tests.deploy.aws.recorder import Call, recording
from tests.deploy.aws.stack import apply_template, client, copy_queues
from tests.support.builders import (
    CHANNEL,
    PROJECT,
    close_body,
    contact,
    entry,
    message_body,
    survey_body,
)
from tests.support.running_workers import wait_until
from tests.support.scraping import scrape

# The programs' access keys, and the logical ids of their roles.
ROLES = {
    "worker": "WorkerRole",
    "beat": "BeatRole",
    "flower": "FlowerRole",
    "admin": "AdminRole",
    "provision": "ProvisionRole",
    "restore": "RestoreRole",
    "producer": "ProducerRole",
}
# The key of the commands that people run with the role of the worker.
COMMANDS = "commands"
# What these commands call, and that role does not allow. `doctor` then says which description it
# cannot read, that the worker does not need it, and which permission is missing.
REFUSED = {
    Call("dynamodb:DescribeTable", "conversation_messages"),
    Call("dynamodb:DescribeTimeToLive", "conversation_messages"),
    Call("firehose:DescribeDeliveryStream", STREAM),
}
# The key of the secret with the login to PostgreSQL, and the users of tokens that may replace it.
SECRET_KEY = "arn:aws:kms:us-east-1:123456789012:key/of-the-secret"
USERS = ("conversations", "conversations_owner")
USER_ARN = "arn:aws:rds-db:us-east-1:123456789012:dbuser:db-ABCDEFGHIJKL01234"
# In seconds. Short, so that leases are soon renewed.
VISIBILITY_TIMEOUT = 20
PASSWORD = "a password of this test"
# Too large for one item of DynamoDB, also when it is compressed.
LARGE = "".join(random.Random(7).choices(ascii_letters, k=700_000))  # noqa: S311 (a text)


@pytest.fixture
def deployment(stack: Stack, transactional_db: None, tmp_path: Path) -> Iterator[Deployment]:
    """The programs' settings on moto. First, `provision` creates and corrects everything there."""
    reset(stack.moto_url)
    names = apply_template(stack.moto_url)
    with recording(stack.moto_url) as recorder:
        settings = settings_of(
            stack,
            database_url=database_of(stack),
            sqs_url=recorder.url,
            url=recorder.url,
            applied=names,
        ) | {
            "DATALAKE_URL": f"firehose://{STREAM}",
            "SQS_CONVERSATION_VISIBILITY_TIMEOUT": str(VISIBILITY_TIMEOUT),
            "TMPDIR": str(tmp_path),
        }
        empty = Deployment(applied=names, recorder=recorder, settings=settings, logs=tmp_path)
        reset(stack.moto_url)
        provision_by_hand(empty)
        reset(stack.moto_url)
        settings |= login_from_secret(stack.moto_url, settings=settings)
        applied = apply_template(
            stack.moto_url,
            DatabaseSecretArn=settings["DATABASE_SECRET_ARN"],
            DatabaseSecretKeyArn=SECRET_KEY,
            DatabaseUserArns=",".join(f"{USER_ARN}/{user}" for user in USERS),
            FirehoseStreamArn=create_stream(stack.moto_url),
            VisibilityTimeoutSeconds=str(VISIBILITY_TIMEOUT),
        )
        copy_queues(applied, to=stack.sqs_url)
        recorder.upstreams["sqs"] = stack.sqs_url
        yield Deployment(applied=applied, recorder=recorder, settings=settings, logs=tmp_path)
    reset(stack.moto_url)


def provision_by_hand(empty: Deployment) -> None:
    """Create the queues and the table, change the queues, and correct them."""
    assert ".fifo: created." in empty.manage("provision", "provision")
    sqs = empty.applied.client("sqs")
    for name in ("SQS_CONVERSATION_QUEUE_URL", "SQS_CONVERSATION_DLQ_URL"):
        sqs.set_queue_attributes(
            QueueUrl=empty.settings[name], Attributes={"MessageRetentionPeriod": "60"}
        )
    assert empty.manage("provision", "provision").startswith("conversations-dlq.fifo: Message")


def test_each_role_allows_what_its_program_calls_and_nothing_else(deployment: Deployment) -> None:
    work(deployment)

    recorder, outputs = deployment.recorder, deployment.applied.outputs
    differences: dict[str, object] = {}
    for caller, role in ROLES.items():
        grants = grants_of(deployment.applied, role=role)
        made = recorder.calls_of(caller)
        calls = made | needed_logins(made, users=USERS)
        keys = needed_keys(
            made, table=outputs["TableName"], key=outputs["KeyArn"], secret_key=SECRET_KEY
        )
        differences |= {
            f"{role}: called and not allowed": calls - grants.calls,
            f"{role}: allowed and not called": grants.calls - calls,
            f"{role}: needed of a key and not allowed": keys - grants.keys,
            f"{role}: allowed of a key and not needed": grants.keys - keys,
        }
    assert {what: found for what, found in differences.items() if found} == {}
    worker = grants_of(deployment.applied, role="WorkerRole")
    assert recorder.calls_of(COMMANDS) - worker.calls == REFUSED
    assert recorder.callers() == {*ROLES, COMMANDS}


def work(deployment: Deployment) -> None:
    """Run every program, and have it make all its kinds of calls."""
    assert "0 differences" in deployment.manage("provision", "provision", "--check")
    hurry_schedules()
    logs, port = deployment.logs, free_port()
    worker = deployment.environment("worker", METRICS_PORT=str(port))
    with (
        running_worker(environment=worker, logs=logs),
        running_beat(environment=deployment.environment("beat"), logs=logs),
    ):
        send_events(deployment)
        wait_for(lambda: scrape(port) and DeadLetter.objects.count() == 1)
        use_pages(deployment)
        run_commands(deployment)
        with locked_project(deployment) as send_one:
            send_one()
            is_renewed = Call("sqs:ChangeMessageVisibility", "conversations.fifo")
            wait_for(lambda: is_renewed in deployment.recorder.calls_of("worker"))
        reconcile(deployment)
        # The data lake gathers for a minute.
        is_delivered = Call("firehose:PutRecordBatch", STREAM)
        wait_for(lambda: is_delivered in deployment.recorder.calls_of("worker"))


def hurry_schedules() -> None:
    """Have beat look for work every second instead of every minute."""
    second = IntervalSchedule.objects.create(every=1, period=IntervalSchedule.SECONDS)
    assert PeriodicTask.objects.filter(interval__period="minutes").update(interval=second)
    connection.close()


def send_events(deployment: Deployment) -> None:
    """Send all kinds of events that cause different calls, among them one that is malformed."""
    send(deployment, message_body(), urn="telegram:1001")
    send(deployment, message_body(message={"text": LARGE}), urn="telegram:1001")
    send(deployment, survey_body(), urn="telegram:1001")
    send(deployment, "no event", urn="telegram:1003")
    for body in (message_body(urn="telegram:1002"), close_body(urn="telegram:1002")):
        send(deployment, body, urn="telegram:1002")
    wait_for(lambda: Conversation.objects.filter(ended_at__isnull=False).exists())
    wait_for(lambda: Conversation.objects.filter(ended_at__isnull=True).exists())


def send(deployment: Deployment, body: str, *, urn: str, project: UUID = PROJECT) -> None:
    """Send an event as a producer does."""
    sqs = client("sqs", url=deployment.recorder.url, access_key="producer")
    sqs.send_message(
        QueueUrl=deployment.settings["SQS_CONVERSATION_QUEUE_URL"],
        MessageBody=body,
        MessageGroupId=f"{project}:{CHANNEL}:{urn}",
        MessageDeduplicationId=str(uuid4()),
    )


def use_pages(deployment: Deployment) -> None:
    """Open the pages of Flower and of the admin site that call AWS, and act on them."""
    flower = deployment.environment("flower", FLOWER_BASIC_AUTH=f"operator:{PASSWORD}")
    with running_flower(environment=flower, logs=deployment.logs) as pages:
        shown = requests.get(f"{pages.url}/broker", auth=("operator", PASSWORD), timeout=30)
        assert "conversations-dlq.fifo" in shown.text
    User.objects.create_superuser("operator", password=PASSWORD)
    opened = Conversation.objects.filter(ended_at__isnull=True).latest("opened_at")
    admin = deployment.environment("admin")
    with (
        running_web(environment=admin, logs=deployment.logs) as web,
        signed_in(web.url, user="operator", password=PASSWORD) as call,
    ):
        call("/admin/status/")
        call(f"/admin/conversations/conversation/{opened.pk}/change/")
        form = {"action": "close_selected", "_selected_action": str(opened.pk)}
        call("/admin/conversations/conversation/", form)
        schedule = PeriodicTask.objects.get(name="Collect dead letters")
        form = {"action": "run_selected", "_selected_action": str(schedule.pk)}
        shown = call("/admin/django_celery_beat/periodictask/", form)
        assert "was sent. A worker will run it soon." in shown.text
    wait_for(lambda: Conversation.objects.filter(pk=opened.pk, ended_at__isnull=False).exists())


def run_commands(deployment: Deployment) -> None:
    """Run the commands that call AWS, with a key of their own."""
    conversation = str(Conversation.objects.latest("ended_at").pk)
    for arguments in (
        ["status"],
        ["doctor"],
        ["dlq", "list"],
        ["dlq", "redrive", "--every", "--yes"],
        ["outbox", "retry"],
        ["conversations", "show", conversation, "--messages"],
        ["conversations", "show", conversation, "--raw"],
        ["conversations", "reopen", conversation, "--yes"],
        ["conversations", "close", conversation, "--yes"],
        ["erase", "--contact", "telegram:1002", "--project", str(PROJECT), "--yes"],
    ):
        may_fail = arguments[0] in ("status", "doctor")
        deployment.manage(COMMANDS, *arguments, may_fail=may_fail)


def reconcile(deployment: Deployment) -> None:
    """Compare the table with a PostgreSQL that lacks conversations, and restore what it lacks.

    One conversation belongs to an erased contact, one has become part of another one, and one opens
    again: its contact wrote in it.
    """
    of_contact = Span.objects.filter(project_id=PROJECT, contact_urn="telegram:1001", of_span=None)
    span = of_contact.earliest("starts_at")
    inside = spans.opening_of(span)
    for urn, at in (
        ("telegram:1002", inside),
        ("telegram:1001", inside),
        ("telegram:1004", inside),
    ):
        group = f"{PROJECT}:{CHANNEL}:{urn}"
        put_lost_conversation(deployment, urn=urn, opened_at=replace(at, group=group))
    since = now().isoformat()
    deployment.manage("restore", "doctor", "--after-restore", since, may_fail=True)
    done = deployment.manage("restore", "conversations", "reconcile", "--since", since, "--yes")
    assert "Opened again: 1 conversation." in done
    assert "Part of other conversations by now: 1 conversation." in done
    assert "Deleted, because the contact is erased: 1 conversation." in done
    restored = Conversation.objects.get(contact_urn="telegram:1004")
    wait_for(lambda: Conversation.objects.get(pk=restored.pk).written_at)


def put_lost_conversation(deployment: Deployment, *, urn: str, opened_at: Place) -> None:
    """Write a message to a contact and its answer, whose conversation PostgreSQL does not have."""
    conversation_uuid, of_contact = uuid4(), contact(urn=urn)
    first, second = opened_at, replace(opened_at, sequence_number=opened_at.sequence_number + 1)
    for place, event_type in ((first, "message.sent"), (second, "message.received")):
        written = replace(entry(event_type=event_type, message_id=uuid4().hex), place=place)
        items = items_of(
            conversation_uuid=conversation_uuid,
            key=written.key(home=place.group),
            body=dump(written.as_json(home=place.group)).encode(),
            opening=str(Opening(contact=of_contact, group=place.group)) if place is first else "",
            now=now(),
        )
        deployment.applied.client("dynamodb").put_item(
            TableName=deployment.settings["DYNAMODB_MESSAGE_TABLE"], Item=items.head
        )


@contextmanager
def locked_project(deployment: Deployment) -> Iterator[Callable[[], None]]:
    """Lock a project's row, so that its events wait in the worker. Yield what sends one."""
    project = Project.objects.create(uuid=uuid4())
    connection.close()
    session = psycopg2.connect(**connection.get_connection_params())
    try:
        with session, session.cursor() as cursor:
            cursor.execute(
                "SELECT 1 FROM conversations_project WHERE uuid = %s FOR NO KEY UPDATE",
                [str(project.uuid)],
            )
            data = {"project_uuid": str(project.uuid)}
            yield lambda: send(
                deployment, message_body(data=data), urn="telegram:1001", project=project.uuid
            )
    finally:
        session.close()


def wait_for(condition: Callable[[], object]) -> None:
    """Wait until a condition is true."""
    wait_until(lambda: bool(condition()), timeout=120, workers=[])
    connection.close()
