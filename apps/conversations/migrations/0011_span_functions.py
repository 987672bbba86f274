"""The functions that find the span of a place, and extend a span by a place."""

from django.db import migrations

# Returns the span that contains a place. Within a group sequence numbers decide: the last span of
# the place's own group that begins at or before it contains it, unless it has ended. If that span
# was ended by an event of another group, and in spans of other groups, queue times decide, then the
# groups. It returns the row of the place's own group if there is one, or else the row of the span
# itself. One row of each index is read, however many spans there are.
#
# 0012_find_or_open explains the settings of the functions and the versions in their names.
SPAN_AT = """
CREATE FUNCTION conversations_span_at_v1 (
    place_project uuid, place_channel uuid, place_urn text,
    place_time timestamptz, place_sequence numeric, place_group text
) RETURNS SETOF conversations_span
LANGUAGE plpgsql STABLE ROWS 1
SET plan_cache_mode = force_generic_plan
AS $function$
DECLARE
    of_group conversations_span;
    by_time conversations_span;
BEGIN
    SELECT * INTO of_group FROM conversations_span
    WHERE project_id = place_project AND channel_uuid = place_channel AND contact_urn = place_urn
        AND group_id = place_group AND first_sequence <= place_sequence
    ORDER BY first_sequence DESC LIMIT 1;
    IF of_group.id IS NOT NULL AND (
        of_group.last_sequence IS NULL
        OR place_sequence <= of_group.last_sequence
        OR (
            of_group.of_span_id IS NULL AND of_group.end_group <> place_group
            AND (place_time, place_group COLLATE "C") < (of_group.ended_at, of_group.end_group)
        )
    )
    THEN
        RETURN NEXT of_group;
        RETURN;
    END IF;

    SELECT * INTO by_time FROM conversations_span
    WHERE project_id = place_project AND channel_uuid = place_channel AND contact_urn = place_urn
        AND of_span_id IS NULL
        AND (starts_at, start_group) <= (place_time, place_group COLLATE "C")
        -- Several spans may begin in the millisecond of the place.
        AND (start_group <> place_group OR start_sequence <= place_sequence)
    ORDER BY starts_at DESC, start_group DESC, start_sequence DESC LIMIT 1;
    IF by_time.id IS NOT NULL AND (
        by_time.last_sequence IS NULL
        OR (by_time.end_group = place_group AND place_sequence < by_time.end_sequence)
        OR (
            by_time.end_group <> place_group
            AND (place_time, place_group COLLATE "C") < (by_time.ended_at, by_time.end_group)
        )
    )
    THEN
        RETURN NEXT by_time;
    END IF;
END
$function$
"""

# Extends a span by a place: the row of the span next to the place in the place's group, or else a
# new row. No other row lies between the place and the row, so no two rows overlap.
EXTEND = """
CREATE FUNCTION conversations_extend_span_v1 (
    of_span conversations_span, place_time timestamptz, place_sequence numeric, place_group text
) RETURNS void
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
AS $function$
#variable_conflict use_column
DECLARE
    span_id bigint := coalesce(of_span.of_span_id, of_span.id);
    extended conversations_span;
BEGIN
    SELECT * INTO extended FROM conversations_span AS span
    WHERE span.project_id = of_span.project_id AND span.channel_uuid = of_span.channel_uuid
        AND span.contact_urn = of_span.contact_urn AND span.group_id = place_group
        AND span.first_sequence <= place_sequence
    ORDER BY span.first_sequence DESC LIMIT 1;
    IF coalesce(extended.of_span_id, extended.id) IS DISTINCT FROM span_id THEN
        SELECT * INTO extended FROM conversations_span AS span
        WHERE span.project_id = of_span.project_id AND span.channel_uuid = of_span.channel_uuid
            AND span.contact_urn = of_span.contact_urn AND span.group_id = place_group
            AND span.first_sequence > place_sequence
        ORDER BY span.first_sequence LIMIT 1;
    END IF;
    IF coalesce(extended.of_span_id, extended.id) IS DISTINCT FROM span_id THEN
        INSERT INTO conversations_span (
            conversation_id, project_id, channel_uuid, contact_urn, group_id, first_sequence,
            last_sequence, starts_at, start_sequence, start_group, opened_at, opened_sequence,
            ended_at, end_group, of_span_id
        ) VALUES (
            of_span.conversation_id, of_span.project_id, of_span.channel_uuid,
            of_span.contact_urn, place_group, place_sequence, place_sequence, place_time,
            place_sequence, place_group, of_span.opened_at, of_span.opened_sequence, place_time,
            '', span_id
        );
        RETURN;
    END IF;
    -- A span that is open has no last sequence number.
    UPDATE conversations_span
    SET first_sequence = least(first_sequence, place_sequence),
        last_sequence = CASE
            WHEN last_sequence IS NOT NULL THEN greatest(last_sequence, place_sequence)
        END,
        starts_at = CASE WHEN of_span_id IS NULL THEN starts_at ELSE least(starts_at, place_time) END,
        ended_at = CASE
            WHEN of_span_id IS NULL THEN ended_at ELSE greatest(ended_at, place_time)
        END
    WHERE id = extended.id AND (
        first_sequence > place_sequence OR last_sequence < place_sequence
    );
END
$function$
"""


class Migration(migrations.Migration):
    dependencies = [
        ("conversations", "0010_places"),
    ]

    operations = [
        migrations.RunSQL(SPAN_AT, "DROP FUNCTION conversations_span_at_v1"),
        migrations.RunSQL(EXTEND, "DROP FUNCTION conversations_extend_span_v1"),
    ]
