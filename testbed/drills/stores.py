"""Outages of PostgreSQL and the data lake in which all processes run."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from uuid import uuid4

import boto3
from botocore.config import Config

from embedded.lake import Lake
from embedded.up.presence import RunningUp
from testbed.database_changes import READ_ONLY, Change, attempt
from testbed.traffic import bodies
from testbed.traffic.events import Contact

# A worker quarantines three events of one cause in an hour, and parks the others.
POISONED_EVENTS = 8
# The project and the channel of the poisoned events. Nothing else uses them.
_PROJECT = "d7111000-0000-4000-8000-000000000001"
_CHANNEL = "d7111000-0000-4000-8000-000000000002"
# To the service, a violated constraint is a bug. Existing rows are not checked.
_POISON = Change(
    begin=(
        "ALTER TABLE conversations_conversation DROP CONSTRAINT IF EXISTS drill_poison",
        "ALTER TABLE conversations_conversation ADD CONSTRAINT drill_poison"
        f" CHECK (project_id <> '{_PROJECT}') NOT VALID",
    ),
    end=("ALTER TABLE conversations_conversation DROP CONSTRAINT IF EXISTS drill_poison",),
)


@contextmanager
def read_only_postgresql(up: RunningUp) -> Iterator[None]:
    """Cut all connections and make PostgreSQL read-only, as after a failover to a standby."""
    with _changed(up, READ_ONLY):
        yield


@contextmanager
def poisoned_project(up: RunningUp) -> Iterator[None]:
    """Make PostgreSQL refuse the conversations of a project, and send events of that project."""
    with _changed(up, _POISON):
        _send_poisoned_events(up)
        yield


@contextmanager
def lake_down(up: RunningUp) -> Iterator[None]:
    """Make the data lake refuse all files."""
    lake = Lake(up.directory / "lake")
    try:
        lake.take_down()
        yield
    finally:
        # When `make up` ends, it removes the lake.
        if up.is_running:
            lake.bring_up()


@contextmanager
def _changed(up: RunningUp, change: Change) -> Iterator[None]:
    url = up.environment["DATABASE_URL"]
    try:
        attempt(change.begin, database_url=url, may_continue=lambda: up.is_running)
        yield
    finally:
        attempt(change.end, database_url=url, may_continue=lambda: up.is_running)


def _send_poisoned_events(up: RunningUp) -> None:
    """Send the first message of some new contacts, each of which opens a conversation."""
    settings = up.environment
    sqs = boto3.client(
        "sqs",
        endpoint_url=settings["AWS_ENDPOINT_URL_SQS"],
        region_name=settings["SQS_CONVERSATION_REGION"],
        aws_access_key_id=settings["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=settings["AWS_SECRET_ACCESS_KEY"],
        config=Config(proxies={}),
    )
    for _ in range(POISONED_EVENTS):
        contact = Contact(project=_PROJECT, channel=_CHANNEL, urn=f"drill:{uuid4()}")
        fields = {
            "id": str(uuid4()),
            "text": "A message of a drill.",
            "created_at": datetime.now(UTC).isoformat(),
        }
        body = bodies.message(
            contact=contact,
            correlation_id=f"drill-{uuid4()}",
            event_type="message.received",
            fields=fields,
        )
        sqs.send_message(
            QueueUrl=settings["SQS_CONVERSATION_QUEUE_URL"],
            MessageBody=json.dumps(body),
            MessageGroupId=contact.group_id,
            MessageDeduplicationId=str(uuid4()),
        )
