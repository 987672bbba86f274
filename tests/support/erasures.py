"""Creates contacts with conversations, and erases them."""

import json
from datetime import datetime, timedelta
from uuid import UUID

from apps.conversations import erasing
from apps.conversations.erasure_models import Erasure
from operations.contact_erasure import groups_of_contact
from tasks.erasing import erase_contact
from tests.support.builders import (
    CHANNEL,
    NOON,
    PROJECT,
    URN,
    close_body,
    deliver,
    message_body,
    noise,
    place,
    queued_event,
    sequence_at,
    survey_body,
)
from tests.support.stored import every_item, every_row, items_as_text

SECOND = timedelta(seconds=1)
REQUESTED = NOON + timedelta(hours=1)
# The number of a pointer among the messages of its group in one millisecond.
POINTER_NUMBER = 500_000
OTHER_CHANNEL = UUID("c0ffee00-0000-4000-8000-000000000001")


def group_of(*, urn: str = URN, project: UUID = PROJECT, channel: UUID = CHANNEL) -> str:
    """Return the group id of a contact, as producers write it."""
    return f"{project}:{channel}:{urn}"


def deliver_history(*, urn: str = URN, project: UUID = PROJECT, channel: UUID = CHANNEL) -> None:
    """Deliver the events of a contact.

    The contact then has a closed conversation with two messages, and an earlier answer that belongs
    to no conversation. A conversation in progress has a message of over 400 KB and an answer.
    """
    place = {"project_uuid": str(project), "channel_uuid": str(channel)}
    group = group_of(urn=urn, project=project, channel=channel)

    def completed(body: str, sent_at: datetime) -> str:
        document = json.loads(body)
        document["data"].update(place)
        document["data"].setdefault("message", {})["created_at"] = sent_at.isoformat()
        return json.dumps(document)

    bodies = [
        survey_body(urn=urn, key="order_status", value=urn, message={"id": "early"}),
        message_body(urn=urn, message={"id": "m-1"}),
        message_body(urn=urn, message={"id": "m-2"}),
        close_body(urn=urn),
        message_body(urn=urn, message={"id": "m-3", "text": noise(700_000)}),
        survey_body(urn=urn),
    ]
    for number, body in enumerate(bodies):
        sent_at = NOON + number * SECOND
        event = queued_event(body=completed(body, sent_at), sent_at=sent_at, group_id=group)
        outcome = deliver(event=event)
        assert outcome is None, outcome


def request(*, urn: str = URN, now: datetime = REQUESTED) -> Erasure:
    """Request the erasure of a contact of the default project."""
    groups = groups_of_contact(project_uuid=PROJECT, urn=urn)
    return erasing.request(project_uuid=PROJECT, urn=urn, group_ids=groups, now=now)


def carry_out(erasure: Erasure, *, at: datetime = REQUESTED, group: str | None = None) -> None:
    """Run a pointer of an erasure, as a worker does. By default it is in the first group.

    Its sequence number in this group is POINTER_NUMBER.
    """
    number = sequence_at(at, number=POINTER_NUMBER)
    mark = place(queue_time=at, sequence_number=number, group=group or erasure.group_ids[0])
    erase_contact.push_request(place=str(mark))
    try:
        erase_contact.run(str(erasure.uuid))
    finally:
        erase_contact.pop_request()


def erase(*, at: datetime = REQUESTED) -> None:
    """Request the erasure of the default contact and carry it out."""
    carry_out(request(now=at), at=at)


def everything() -> str:
    """Return everything in PostgreSQL and DynamoDB as text, to search for a contact."""
    return f"{every_row()} {items_as_text()}"


def everything_but_erasures() -> tuple[dict[str, list[str]], list[dict[str, object]]]:
    """Return everything about contacts in PostgreSQL and DynamoDB, except for the erasures."""
    rows = every_row()
    # The counts of a project are the same whether a contact is erased or not.
    del rows["conversations_erasure"], rows["conversation_messages_producerproblem"]
    return rows, every_item()
