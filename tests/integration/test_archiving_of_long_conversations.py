"""The archive of a conversation open for days is complete although DynamoDB deletes items."""

from datetime import datetime

import pytest
from django.conf import settings as django_settings

from apps.common.aws import dynamodb_client
from apps.messages import message_table
from tasks import closing as tasks
from tests.support.builders import NOON, project
from tests.support.closings import DAY, HOUR, MINUTE, at, closing_at, current, tick, write
from tests.support.service_queue import ServiceQueue
from tests.support.stored import archived, every_item, unarchived_items

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("aws")]


def delete_expired(*, now: datetime) -> int:
    """Delete expired items, as DynamoDB does by itself; return how many were not archived."""
    before = len(unarchived_items())
    expired = [
        item for item in every_item() if int(item[message_table.EXPIRY]["N"]) <= now.timestamp()
    ]
    for item in expired:
        dynamodb_client().delete_item(
            TableName=django_settings.DYNAMODB_MESSAGE_TABLE,
            Key={
                name: item[name] for name in (message_table.PARTITION_KEY, message_table.SORT_KEY)
            },
        )
    return before - len(unarchived_items())


@pytest.mark.slow
def test_a_conversation_open_for_five_days_is_archived_completely(queue: ServiceQueue) -> None:
    """One message arrives each hour, and DynamoDB deletes messages after 48 hours."""
    project()
    chat = closing_at(NOON + 5 * DAY, opened_at=NOON, archive_check_at=NOON + DAY)
    written = []
    for hour in range(5 * 24):
        moment = NOON + hour * HOUR
        written.append(write(chat, created_at=moment).message_id)
        with at(moment + 30 * MINUTE):
            tasks.archive_before_expiry.run()
        assert delete_expired(now=moment + 30 * MINUTE) == 0

    with at(NOON + 5 * DAY):
        tick()
        queue.work()

    transcript = [one["id"] for one in archived(conversation_uuid=chat.uuid)]
    assert transcript == written
    assert current(chat).message_count == 120
    assert unarchived_items() == []


def test_messages_that_are_not_archived_expire_after_48_hours() -> None:
    """This proves that messages do expire: otherwise the test above could not fail."""
    chat = closing_at(NOON + 5 * DAY)
    write(chat, created_at=NOON)

    assert delete_expired(now=NOON + 48 * HOUR - MINUTE) == 0
    assert delete_expired(now=NOON + 48 * HOUR) == 1
