"""The function that finds or opens the conversations of a batch of messages."""

from django.db import migrations

# A prepared statement would keep state in the session, and PgBouncer in transaction mode may run each
# transaction in another session; a function has no such state. PostgreSQL plans the statements of a
# PL/pgSQL function once for each session ("Plan Caching"), and planning this one takes longer than
# running it. The best plan does not depend on the parameters, hence force_generic_plan. The lock
# timeout limits how long a lock of another transaction can delay a batch, whatever the timeout of
# the role is.
#
# One statement serves the whole batch. It writes no row if the conversation exists and its contact
# has written in it: ON CONFLICT DO UPDATE, or an update for each message, would leave a dead row for
# each message. Rows are inserted in the order of their keys, so that two batches cannot deadlock.
# The project's closing rule is compared under a share lock, so that no conversation opens under a
# rule that is being changed. Each LIMIT 1 makes PostgreSQL look rows up by their key, even if it
# makes the plan while a table is new.
#
# The version in the name lets workers of two releases run at the same time during a deployment. Each
# change of the function is a new migration with the next version.
FUNCTION = """
CREATE FUNCTION conversations_find_or_open_v1 (
    numbers int[],
    projects uuid[],
    channels uuid[],
    urns text[],
    ats timestamptz[],
    sent_ats timestamptz[],
    from_contacts bool[],
    contact_names text[],
    group_ids text[],
    uuids uuid[],
    closes_ats timestamptz[],
    timezones text[],
    closing_times time[],
    idle_timeouts interval[],
    due_ats timestamptz[],
    archive_check_ats timestamptz[],
    may_be_lates bool[],
    contact_hashs text[]
) RETURNS TABLE (
    number int, conversation_uuid uuid, is_late bool, is_erased bool, is_opened bool,
    is_foreign_group bool
)
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
SET lock_timeout = '5s'
AS $function$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH asked AS (
        SELECT * FROM unnest(
            numbers, projects, channels, urns, ats, sent_ats,
            from_contacts, contact_names, group_ids, uuids, closes_ats,
            timezones, closing_times, idle_timeouts, due_ats,
            archive_check_ats, may_be_lates, contact_hashs
        ) AS asked (
            number, project, channel, urn, at, sent_at, from_contact, contact_name, group_id, uuid,
            closes_at, timezone, closing_time, idle_timeout, due_at, archive_check_at, may_be_late,
            contact_hash
        )
    ), placed AS (
        SELECT asked.*, late.uuid AS late, current.uuid AS current,
            coalesce(late.group_id, current.group_id) AS its_group_id
        FROM asked
        LEFT JOIN LATERAL (
            SELECT closed.uuid, closed.group_id FROM conversations_conversation AS closed
            WHERE closed.project_id = project AND closed.channel_uuid = channel
                AND closed.contact_urn = urn AND closed.resolution <> 2 AND may_be_late
                AND at BETWEEN closed.first_message_at AND closed.last_message_at
            ORDER BY closed.ended_at DESC LIMIT 1
        ) AS late ON true
        LEFT JOIN LATERAL (
            SELECT open.uuid, open.group_id FROM conversations_conversation AS open
            WHERE open.project_id = project AND open.channel_uuid = channel
                AND open.contact_urn = urn AND open.resolution = 2
            LIMIT 1
        ) AS current ON true
        LEFT JOIN LATERAL (
            SELECT true AS is_erased FROM conversations_erasure AS erasure
            WHERE erasure.project_id = project AND erasure.contact_hash = asked.contact_hash
                AND erasure.requested_at >= sent_at
            LIMIT 1
        ) AS erased ON true
        WHERE is_erased IS NULL
    ), marked AS (
        UPDATE conversations_conversation SET contact_wrote = true
        WHERE NOT contact_wrote
            AND uuid IN (SELECT current FROM placed WHERE from_contact AND late IS NULL)
    ), rules AS (
        SELECT uuid, timezone, closing_time, idle_timeout FROM conversations_project
        WHERE uuid IN (SELECT project FROM placed WHERE late IS NULL AND current IS NULL)
        FOR SHARE
    ), opened AS (
        INSERT INTO conversations_conversation (
            uuid, project_id, channel_uuid, contact_urn, contact_name, group_id, external_id,
            started_at, opened_at, contact_wrote, closes_at, due_at, archive_check_at, resolution,
            has_chats_room, message_count
        )
        SELECT DISTINCT ON (project, channel, urn)
            placed.uuid, project, channel, urn, contact_name, group_id, '', at, sent_at,
            bool_or(from_contact) OVER (PARTITION BY project, channel, urn), closes_at, due_at,
            archive_check_at, 2, false, 0
        FROM placed JOIN rules ON rules.uuid = project
            AND rules.timezone = placed.timezone AND rules.closing_time = placed.closing_time
            AND rules.idle_timeout IS NOT DISTINCT FROM placed.idle_timeout
        WHERE late IS NULL AND current IS NULL
        ORDER BY project, channel, urn, number
        ON CONFLICT (project_id, channel_uuid, contact_urn) WHERE resolution = 2 DO NOTHING
        RETURNING uuid, project_id, channel_uuid, contact_urn, group_id
    )
    SELECT number, coalesce(late, current, opened.uuid), late IS NOT NULL, placed.uuid IS NULL,
        coalesce(opened.uuid = placed.uuid, false),
        coalesce(coalesce(placed.its_group_id, opened.group_id) <> placed.group_id, false)
    FROM asked LEFT JOIN placed USING (number)
    LEFT JOIN opened ON late IS NULL AND current IS NULL AND opened.project_id = placed.project
        AND opened.channel_uuid = placed.channel AND opened.contact_urn = placed.urn;
END
$function$
"""


class Migration(migrations.Migration):
    dependencies = [
        ("conversations", "0006_lists"),
    ]

    operations = [
        migrations.RunSQL(FUNCTION, "DROP FUNCTION conversations_find_or_open_v1"),
    ]
