"""Builders of events in the forms that the adapters read."""

import json
from collections.abc import Mapping
from typing import Any

from tests.support.builders import CHANNEL, NOON, PROJECT, URN

TICKET = "7f4057d8-2121-5454-8425-65bd63d2bbd8"


def ticket_body(*, urn: str = URN, **fields: Any) -> str:
    """Return a ticket of a flow engine. `fields` add or replace fields."""
    ticket = {
        "ticket_uuid": TICKET,
        "contact_urn": urn,
        "project_uuid": str(PROJECT),
        "channel_uuid": str(CHANNEL),
        "created_on": NOON.isoformat(),
    }
    return json.dumps({**ticket, **fields})


def in_envelope(body: str, *, attributes: Mapping[str, str] | None = None, **fields: Any) -> str:
    """Return an SNS envelope around a body. `attributes` are message attributes of type String."""
    envelope: dict[str, Any] = {
        "Type": "Notification",
        "MessageId": "dc9ed41d-2f3b-534a-97e5-7368f5f3bd0e",
        "SequenceNumber": "10000000000000003000",
        "TopicArn": "arn:aws:sns:us-east-1:123456789012:chat.fifo",
        "Message": body,
        "Timestamp": "2026-11-23T12:00:00.000Z",
        "UnsubscribeURL": "https://sns.us-east-1.amazonaws.com/?Action=Unsubscribe",
    }
    if attributes:
        envelope["MessageAttributes"] = {
            name: {"Type": "String", "Value": value} for name, value in attributes.items()
        }
    return json.dumps({**envelope, **fields})
