"""The function that finds or opens the conversations of a batch of messages, version 2.

A message that is in no span belongs to the next one. If the next span of its own group and the next
one by time began in the same millisecond, version 1 took that of the group, even if the other one
began before it. Places that have the same queue time are ordered by group and sequence number.
"""

from importlib import import_module

from django.db import migrations

VERSION_1: str = import_module("apps.conversations.migrations.0012_find_or_open").FIND_OR_OPEN
FIND_OR_OPEN = VERSION_1.replace(
    "conversations_find_or_open_v1", "conversations_find_or_open_v2"
).replace(
    "next_by_time.starts_at < next_of_group.starts_at",
    "(next_by_time.starts_at, next_by_time.start_group, next_by_time.start_sequence)"
    " < (next_of_group.starts_at, next_of_group.start_group, next_of_group.start_sequence)",
)


class Migration(migrations.Migration):
    dependencies = [
        ("conversations", "0021_first_sent"),
    ]

    operations = [
        migrations.RunSQL(FIND_OR_OPEN, "DROP FUNCTION conversations_find_or_open_v2"),
    ]
