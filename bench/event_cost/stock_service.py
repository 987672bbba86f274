"""The service's three steps on stock Celery: `celery -A bench.event_cost.stock_service worker`.

It uses kombu's own SQS transport and one predefined FIFO queue. Each step is a message of the
event's group.
"""

import os
import sys
from typing import Any
from uuid import UUID

import django

from embedded.service import PROJECT_ROOT, QUEUE

# The `celery` script does not put the project on sys.path; Celery's Django fixup would.
sys.path.insert(0, str(PROJECT_ROOT))
# The steps import models, which need the settings.
django.setup()

from bench.common.stock_celery import stock_celery  # noqa: E402
from bench.event_cost.items import archive_closed, item_of  # noqa: E402
from celery_sqs_fifo import BatchItem, Place  # noqa: E402
from tasks.steps import attributing, recording, storing  # noqa: E402

Event = dict[str, Any]

app = stock_celery(queue=QUEUE, queue_url=os.environ["SQS_CONVERSATION_QUEUE_URL"])


def process_message(event: Event) -> Event:
    """Find or open the conversation."""
    item = _item(event)
    attributing.attribute(item)
    uuid = item.state.conversation_uuid
    return {
        **event,
        "conversation": str(uuid) if uuid else None,
        "home": item.state.home,
        "closed": list(map(str, item.state.to_migrate)),
    }


def persist_dynamo(event: Event) -> Event:
    """Store the message, and archive the conversation that the event closed."""
    item = _item(event)
    storing.store_one(item)
    archive_closed(item)
    return event


def handle_csat(event: Event) -> None:
    """Record the answer."""
    recording.record(_item(event))


def _item(event: Event) -> BatchItem:
    # Stock Celery passes no sequence number to its tasks. The time of sending stands in.
    sent_at = event["sent_at"]
    place = Place(int(sent_at * 1_000), int(sent_at * 1_000_000), event["group"])
    item = item_of(body=event["body"], place=place)
    if event.get("conversation"):
        item.state.conversation_uuid = UUID(event["conversation"])
        item.state.home = event["home"]
    item.state.to_migrate = list(map(UUID, event.get("closed", ())))
    return item


for step in (process_message, persist_dynamo, handle_csat):
    app.task(name=step.__name__)(step)
