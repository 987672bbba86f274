"""The triggers that mark the days whose rows change after they may have been rolled up."""

from django.db import migrations

# A trigger sees every change, also those of deletions by a foreign key and by hand. It runs in the
# statement that makes the change: no other statement is sent. What happened since `marked_until`,
# which is most, costs one read of a row that is always in memory, and leaves no mark.
#
# `_v1`: workers of two releases run at the same time during a deployment. Each change of a function
# is a new migration with the next version.
_MARK = """
CREATE FUNCTION analytics_mark_{table}_v1 () RETURNS trigger
LANGUAGE plpgsql
AS $function$
BEGIN
    INSERT INTO analytics_rollupmark (project_id, at)
    SELECT DISTINCT coalesce(NEW.project_id, OLD.project_id), changed.at
    FROM analytics_rollupwatch AS watch
    CROSS JOIN unnest(ARRAY[{times}]) AS changed (at)
    WHERE changed.at < watch.marked_until;
    RETURN NULL;
END
$function$;
CREATE TRIGGER mark_added_and_deleted AFTER INSERT OR DELETE ON {table}
FOR EACH ROW EXECUTE FUNCTION analytics_mark_{table}_v1();
CREATE TRIGGER mark_changed AFTER UPDATE OF {columns} ON {table}
FOR EACH ROW WHEN (({old}) IS DISTINCT FROM ({new}))
EXECUTE FUNCTION analytics_mark_{table}_v1();
"""
_UNMARK = """
DROP TRIGGER mark_changed ON {table};
DROP TRIGGER mark_added_and_deleted ON {table};
DROP FUNCTION analytics_mark_{table}_v1();
"""

# The columns that the figures read, by table, and the times on whose days they count.
_CLOSING = (
    *("project_id", "channel_uuid", "ended_at", "resolution", "written_at", "csat", "nps"),
    *("archived_at", "first_message_at", "last_message_at", "message_count"),
    "messages_before_reopening",
)
TABLES = {
    "conversations_conversation": (
        ("opened_at", "ended_at"),
        (*_CLOSING, "opened_at", "first_sent_at"),
    ),
    "conversations_earlierclosing": (("ended_at",), _CLOSING),
    "analytics_surveyanswer": (
        ("answered_at",),
        ("project_id", "channel_uuid", "key", "score", "answered_at", "is_replaced"),
    ),
}


def _statements(template: str) -> str:
    return "".join(
        template.format(
            table=table,
            times=", ".join(f"OLD.{one}, NEW.{one}" for one in times),
            columns=", ".join(columns),
            old=", ".join(f"OLD.{one}" for one in columns),
            new=", ".join(f"NEW.{one}" for one in columns),
        )
        for table, (times, columns) in TABLES.items()
    )


class Migration(migrations.Migration):
    dependencies = [
        ("analytics", "0007_rollups"),
    ]

    operations = [
        migrations.RunSQL(_statements(_MARK), _statements(_UNMARK)),
    ]
