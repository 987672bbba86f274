"""Builds events for the queue from drafts."""

import json

from testbed.traffic.contacts import Draft
from testbed.traffic.events import Contact, PlannedEvent


def plan_event(
    draft: Draft,
    *,
    number: int,
    at: float,
    contact: Contact,
    deduplication_id: str,
    group_id: str = "",
) -> PlannedEvent:
    """Return an event for the queue. Its message attributes repeat fields of the body."""
    attributes = {}
    if draft.event_type:
        attributes = {
            "event_type": draft.event_type,
            "project_uuid": contact.project,
            "channel_uuid": contact.channel,
        }
    return PlannedEvent(
        number=number,
        at=at,
        contact=contact,
        group_id=group_id or contact.group_id,
        deduplication_id=deduplication_id,
        body=draft.body if isinstance(draft.body, str) else json.dumps(draft.body),
        effect=draft.effect,
        attributes=attributes,
    )
