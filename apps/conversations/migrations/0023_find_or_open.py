"""The function that finds or opens the conversations of a batch of messages, version 2.

It also returns whether a message is the one that opened its conversation. Unlike `is_opened`, this
is true for every run of the message: a worker may end between opening the conversation and storing
the message, which names the contact of the conversation (ADR 48). The first query of the loop finds
the message again, because its place is in the span that it began, in the group of the conversation.

Version 1 had these defects. They occur only if a contact has several groups, or if queue times fall
while the sequence numbers of a group rise:
- if two workers processed messages of two groups at once, a conversation could lose the place of the
  contact's first message;
- if the next span of a message's own group and the next one by time began in the same millisecond,
  it took that of the group, even if the other one began before it;
- when a late event moved the start of a span back, the span could begin before the previous one
  ended, and was then not found by queue time;
- a conversation that was closed at once could end at a sequence number of another group, and its
  span overlap with later ones;
- a span that begins before the place in its own group, but has a later queue time, hid the next
  span of another group.
"""

from django.db import migrations

from apps.conversations.models import Resolution

IN_PROGRESS, UNCLASSIFIED = int(Resolution.IN_PROGRESS), int(Resolution.UNCLASSIFIED)

# Returns whether a message of the contact is the first one of a conversation, as far as it is known.
IS_FIRST = """
CREATE FUNCTION conversations_is_first_v1 (
    home conversations_conversation, place_time timestamptz, place_sequence numeric,
    place_group text
) RETURNS bool
LANGUAGE sql IMMUTABLE
AS $function$
    SELECT home.written_sequence IS NULL
        OR (home.written_group = place_group AND place_sequence < home.written_sequence)
        OR (
            home.written_group <> place_group
            AND (place_time, place_group COLLATE "C")
                < (home.written_at, home.written_group COLLATE "C")
        )
$function$
"""

# `messages` is an array of objects, one for each message. The list of columns in the function is
# the only one: apps.conversations.attribution makes the objects.
#
# 0012_find_or_open explains the settings of the function and the version in its name.
FIND_OR_OPEN = f"""
CREATE FUNCTION conversations_find_or_open_v2 (messages jsonb) RETURNS TABLE (
    number int, conversation_uuid uuid, conversation_group text, is_late bool, is_erased bool,
    is_opened bool, has_opened bool
)
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
SET lock_timeout = '5s'
AS $function$
#variable_conflict use_column
DECLARE
    asked record;
    home conversations_conversation;
    found_span conversations_span;
    next_of_group conversations_span;
    next_by_time conversations_span;
    next_span conversations_span;
    span_before conversations_span;
    begins_at timestamptz;
BEGIN
    -- In the order of URNs, so that two batches cannot deadlock. Most messages are in the open span
    -- of their own group, and for these this one query is all: nothing is locked or written.
    FOR asked IN
        SELECT asked.*, found.conversation_id AS found_id, found.has_opened AS found_has_opened
        FROM jsonb_to_recordset(messages) AS asked (
            number int, project uuid, channel uuid, urn text, queue_time timestamptz,
            sequence numeric, group_id text, at timestamptz, from_contact bool, contact_name text,
            uuid uuid, closes_at timestamptz, timezone text, closing_time time,
            idle_timeout interval, due_at timestamptz, archive_check_at timestamptz,
            contact_hash text, group_hash text
        )
        LEFT JOIN LATERAL (
            SELECT last.conversation_id,
                last.opened_sequence = sequence AND last.of_span_id IS NULL AS has_opened
            FROM (
                SELECT conversation_id, last_sequence, opened_sequence, of_span_id
                FROM conversations_span AS last
                WHERE last.project_id = project AND last.channel_uuid = channel
                    AND last.contact_urn = urn AND last.group_id = asked.group_id
                    AND last.first_sequence <= sequence
                ORDER BY last.first_sequence DESC LIMIT 1
            ) AS last
            WHERE last.last_sequence IS NULL OR sequence <= last.last_sequence
        ) AS found ON true
        ORDER BY project, urn, channel, number
    LOOP
        number := asked.number;
        is_erased := false;
        is_late := false;
        is_opened := false;
        has_opened := coalesce(asked.found_has_opened, false);
        conversation_group := NULL;
        conversation_uuid := asked.found_id;
        next_span := NULL;

        IF conversation_uuid IS NULL THEN
            -- Whatever changes the spans of a contact holds this lock, and so does an erasure. So
            -- this sees all spans and erasures. No span has a place from before an erasure.
            PERFORM pg_advisory_xact_lock(
                hashtextextended(format('%s %s', asked.project, asked.urn), 0)
            );
            is_erased := conversations_is_erased_v1(
                asked.project, asked.contact_hash,
                asked.queue_time, asked.sequence, asked.group_hash
            );
            IF is_erased THEN
                RETURN NEXT;
                CONTINUE;
            END IF;
            SELECT * INTO found_span FROM conversations_span_at_v2(
                asked.project, asked.channel, asked.urn,
                asked.queue_time, asked.sequence, asked.group_id
            );
            conversation_uuid := found_span.conversation_id;
            IF conversation_uuid IS NOT NULL THEN
                -- Another run of the message may have opened it meanwhile.
                has_opened := found_span.opened_sequence = asked.sequence
                    AND found_span.group_id = asked.group_id;
                PERFORM conversations_extend_span_v2(
                    found_span, asked.queue_time, asked.sequence, asked.group_id
                );
            END IF;
        END IF;

        IF conversation_uuid IS NULL THEN
            -- The place is in no span. The contact may have a conversation that opened later.
            SELECT * INTO next_of_group FROM conversations_span AS span
            WHERE span.project_id = asked.project AND span.channel_uuid = asked.channel
                AND span.contact_urn = asked.urn AND span.group_id = asked.group_id
                AND span.first_sequence > asked.sequence
            ORDER BY span.first_sequence LIMIT 1;
            SELECT * INTO next_span FROM conversations_span AS span
            WHERE span.id = coalesce(next_of_group.of_span_id, next_of_group.id);
            SELECT * INTO next_by_time FROM conversations_span AS span
            WHERE span.project_id = asked.project AND span.channel_uuid = asked.channel
                AND span.contact_urn = asked.urn AND span.of_span_id IS NULL
                AND (span.starts_at, span.start_group)
                    > (asked.queue_time, asked.group_id COLLATE "C")
                -- Within the group, the sequence number decides what is later.
                AND (span.start_group <> asked.group_id OR span.start_sequence > asked.sequence)
            ORDER BY span.starts_at, span.start_group, span.start_sequence LIMIT 1;
            IF next_by_time.id IS NOT NULL AND (
                next_span.id IS NULL
                OR (next_by_time.starts_at, next_by_time.start_group, next_by_time.start_sequence)
                    < (next_span.starts_at, next_span.start_group, next_span.start_sequence)
            )
            THEN
                next_span := next_by_time;
            END IF;
            SELECT * INTO span_before FROM conversations_span AS span
            WHERE span.project_id = asked.project AND span.channel_uuid = asked.channel
                AND span.contact_urn = asked.urn AND span.of_span_id IS NULL
                AND (
                    next_span.id IS NULL
                    OR (span.starts_at, span.start_group, span.start_sequence)
                        < (next_span.starts_at, next_span.start_group, next_span.start_sequence)
                )
            ORDER BY span.starts_at DESC, span.start_group DESC, span.start_sequence DESC LIMIT 1;
            -- Spans follow each other in time even if queue times fall.
            begins_at := greatest(asked.queue_time, span_before.ended_at);
            IF next_span.opened_at <= asked.queue_time + interval '24 hours' THEN
                -- Its span begins with this event. `opened_at` stays.
                UPDATE conversations_span
                SET starts_at = begins_at, start_sequence = asked.sequence,
                    start_group = asked.group_id
                WHERE id = next_span.id
                    AND (begins_at, asked.group_id COLLATE "C") <= (starts_at, start_group);
                PERFORM conversations_extend_span_v2(
                    next_span, asked.queue_time, asked.sequence, asked.group_id
                );
                conversation_uuid := next_span.conversation_id;
            END IF;
        END IF;

        IF conversation_uuid IS NULL AND next_span.id IS NULL THEN
            -- Queue times that contradict sequence numbers can hide the open span. No second
            -- conversation may open, so the message belongs to that one.
            SELECT open.* INTO found_span FROM conversations_span AS open
            JOIN conversations_conversation AS conversation
                ON conversation.uuid = open.conversation_id
            WHERE conversation.project_id = asked.project
                AND conversation.channel_uuid = asked.channel
                AND conversation.contact_urn = asked.urn AND conversation.resolution = {IN_PROGRESS}
                AND open.of_span_id IS NULL AND open.last_sequence IS NULL;
            IF found_span.id IS NOT NULL THEN
                PERFORM conversations_extend_span_v2(
                    found_span, asked.queue_time, asked.sequence, asked.group_id
                );
                conversation_uuid := found_span.conversation_id;
            END IF;
        END IF;

        IF conversation_uuid IS NULL THEN
            -- The share lock keeps a conversation from opening under a rule that is being changed.
            PERFORM FROM conversations_project
            WHERE uuid = asked.project AND timezone = asked.timezone
                AND closing_time = asked.closing_time
                AND idle_timeout IS NOT DISTINCT FROM asked.idle_timeout
            FOR SHARE;
            IF NOT FOUND THEN
                RETURN NEXT;
                CONTINUE;
            END IF;
            -- If a later conversation is too far away, this one ends where that one begins.
            INSERT INTO conversations_conversation (
                uuid, project_id, channel_uuid, contact_urn, contact_name, group_id, external_id,
                started_at, opened_at, closes_at, due_at, archive_check_at, resolution, ended_at,
                written_at, written_sequence, written_group, window_group, has_chats_room,
                message_count
            ) VALUES (
                asked.uuid, asked.project, asked.channel, asked.urn, asked.contact_name,
                asked.group_id, '', asked.at, asked.queue_time, asked.closes_at,
                CASE WHEN next_span.id IS NULL THEN asked.due_at END, asked.archive_check_at,
                CASE WHEN next_span.id IS NULL THEN {IN_PROGRESS} ELSE {UNCLASSIFIED} END,
                next_span.starts_at,
                CASE WHEN asked.from_contact THEN asked.queue_time END,
                CASE WHEN asked.from_contact THEN asked.sequence END,
                CASE WHEN asked.from_contact THEN asked.group_id ELSE '' END, '', false, 0
            );
            INSERT INTO conversations_span (
                conversation_id, project_id, channel_uuid, contact_urn, group_id, first_sequence,
                last_sequence, starts_at, start_sequence, start_group, opened_at, opened_sequence,
                ended_at, end_sequence, end_group
            ) VALUES (
                asked.uuid, asked.project, asked.channel, asked.urn, asked.group_id, asked.sequence,
                CASE WHEN next_span.id IS NOT NULL THEN asked.sequence END,
                begins_at, asked.sequence, asked.group_id, asked.queue_time, asked.sequence,
                next_span.starts_at, next_span.start_sequence, coalesce(next_span.start_group, '')
            );
            conversation_uuid := asked.uuid;
            is_opened := true;
            has_opened := true;
        END IF;

        SELECT * INTO home FROM conversations_conversation WHERE uuid = conversation_uuid;
        is_late := home.resolution <> {IN_PROGRESS};
        conversation_group := home.group_id;
        IF asked.from_contact AND conversations_is_first_v1(
            home, asked.queue_time, asked.sequence, asked.group_id
        )
        THEN
            -- Another transaction may have changed the row meanwhile.
            UPDATE conversations_conversation AS changed
            SET written_at = asked.queue_time, written_sequence = asked.sequence,
                written_group = asked.group_id
            WHERE uuid = conversation_uuid AND conversations_is_first_v1(
                changed, asked.queue_time, asked.sequence, asked.group_id
            );
        END IF;
        IF home.contact_name = '' AND asked.contact_name <> '' THEN
            UPDATE conversations_conversation SET contact_name = asked.contact_name
            WHERE uuid = conversation_uuid AND contact_name = '';
        END IF;
        RETURN NEXT;
    END LOOP;
END
$function$
"""  # noqa: S608 (constants)


class Migration(migrations.Migration):
    dependencies = [
        ("conversations", "0022_span_functions"),
    ]

    operations = [
        migrations.RunSQL(IS_FIRST, "DROP FUNCTION conversations_is_first_v1"),
        migrations.RunSQL(FIND_OR_OPEN, "DROP FUNCTION conversations_find_or_open_v2"),
    ]
