"""The functions that find the span of a place, and extend a span by a place, version 2.

Version 1 had these defects. They occur only if queue times fall while the sequence numbers of a
group rise:
- it compared an event with a span of another group by queue times only, although an earlier event
  of the event's own group was placed in the span;
- the row of another group had the latest queue time of the group's events in the span, which may
  not be that of the event with the highest sequence number.
"""

from django.db import migrations

# Returns whether a place is before the end of a span. The place must not be before its beginning.
# Within a group sequence numbers decide, between groups queue times, then the groups.
#
# 0012_find_or_open explains the settings of the functions and the versions in their names.
ENDS_AFTER = """
CREATE FUNCTION conversations_ends_after_v1 (
    span conversations_span, place_time timestamptz, place_sequence numeric, place_group text
) RETURNS bool
LANGUAGE sql IMMUTABLE
AS $function$
    SELECT span.last_sequence IS NULL
        OR (span.end_group = place_group AND place_sequence < span.end_sequence)
        OR (
            span.end_group <> place_group
            AND (place_time, place_group COLLATE "C") < (span.ended_at, span.end_group)
        )
$function$
"""

# Returns the span that contains a place. Of the rows of the place's own group, the last one that
# begins at or before the place decides: its span contains the place, unless the span has ended
# before it. Otherwise queue times decide. It reads at most three rows, however many spans there are.
SPAN_AT = """
CREATE FUNCTION conversations_span_at_v2 (
    place_project uuid, place_channel uuid, place_urn text,
    place_time timestamptz, place_sequence numeric, place_group text
) RETURNS SETOF conversations_span
LANGUAGE plpgsql STABLE ROWS 1
SET plan_cache_mode = force_generic_plan
AS $function$
DECLARE
    of_group conversations_span;
    span conversations_span;
BEGIN
    SELECT * INTO of_group FROM conversations_span
    WHERE project_id = place_project AND channel_uuid = place_channel AND contact_urn = place_urn
        AND group_id = place_group AND first_sequence <= place_sequence
    ORDER BY first_sequence DESC LIMIT 1;
    SELECT * INTO span FROM conversations_span
    WHERE id = coalesce(of_group.of_span_id, of_group.id);
    IF span.id IS NOT NULL AND (
        place_sequence <= of_group.last_sequence
        OR conversations_ends_after_v1(span, place_time, place_sequence, place_group)
    )
    THEN
        RETURN NEXT span;
        RETURN;
    END IF;

    SELECT * INTO span FROM conversations_span
    WHERE project_id = place_project AND channel_uuid = place_channel AND contact_urn = place_urn
        AND of_span_id IS NULL
        AND (starts_at, start_group) <= (place_time, place_group COLLATE "C")
        -- Several spans may begin in the millisecond of the place.
        AND (start_group <> place_group OR start_sequence <= place_sequence)
    ORDER BY starts_at DESC, start_group DESC, start_sequence DESC LIMIT 1;
    IF span.id IS NOT NULL
        AND conversations_ends_after_v1(span, place_time, place_sequence, place_group)
    THEN
        RETURN NEXT span;
    END IF;
END
$function$
"""

# Extends a span by a place: the row of the span next to the place in the place's group, or else a
# new row. If a row of another span lies between, a new row is inserted, so that rows of a group
# never overlap.
EXTEND = """
CREATE FUNCTION conversations_extend_span_v2 (
    of_span conversations_span, place_time timestamptz, place_sequence numeric, place_group text
) RETURNS void
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
AS $function$
#variable_conflict use_column
DECLARE
    extended conversations_span;
BEGIN
    SELECT * INTO extended FROM conversations_span AS span
    WHERE span.project_id = of_span.project_id AND span.channel_uuid = of_span.channel_uuid
        AND span.contact_urn = of_span.contact_urn AND span.group_id = place_group
        AND span.first_sequence <= place_sequence
    ORDER BY span.first_sequence DESC LIMIT 1;
    IF coalesce(extended.of_span_id, extended.id) IS DISTINCT FROM of_span.id THEN
        SELECT * INTO extended FROM conversations_span AS span
        WHERE span.project_id = of_span.project_id AND span.channel_uuid = of_span.channel_uuid
            AND span.contact_urn = of_span.contact_urn AND span.group_id = place_group
            AND span.first_sequence > place_sequence
        ORDER BY span.first_sequence LIMIT 1;
    END IF;
    IF coalesce(extended.of_span_id, extended.id) IS DISTINCT FROM of_span.id THEN
        INSERT INTO conversations_span (
            conversation_id, project_id, channel_uuid, contact_urn, group_id, first_sequence,
            last_sequence, starts_at, start_sequence, start_group, opened_at, opened_sequence,
            ended_at, end_group, of_span_id
        ) VALUES (
            of_span.conversation_id, of_span.project_id, of_span.channel_uuid,
            of_span.contact_urn, place_group, place_sequence, place_sequence, place_time,
            place_sequence, place_group, of_span.opened_at, of_span.opened_sequence, place_time,
            '', of_span.id
        );
        RETURN;
    END IF;
    -- A span that is open has no last sequence number. In the row of another group, the times are
    -- those of its first and last event.
    UPDATE conversations_span
    SET first_sequence = least(first_sequence, place_sequence),
        last_sequence = CASE
            WHEN last_sequence IS NOT NULL THEN greatest(last_sequence, place_sequence)
        END,
        starts_at = CASE
            WHEN of_span_id IS NOT NULL AND place_sequence < first_sequence THEN place_time
            ELSE starts_at
        END,
        ended_at = CASE
            WHEN of_span_id IS NOT NULL AND place_sequence > last_sequence THEN place_time
            ELSE ended_at
        END
    WHERE id = extended.id AND (
        first_sequence > place_sequence OR last_sequence < place_sequence
    );
END
$function$
"""


class Migration(migrations.Migration):
    dependencies = [
        ("conversations", "0021_first_sent"),
    ]

    operations = [
        migrations.RunSQL(ENDS_AFTER, "DROP FUNCTION conversations_ends_after_v1"),
        migrations.RunSQL(SPAN_AT, "DROP FUNCTION conversations_span_at_v2"),
        migrations.RunSQL(EXTEND, "DROP FUNCTION conversations_extend_span_v2"),
    ]
