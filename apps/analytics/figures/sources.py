"""The SQL that measures conversations, closings and answers: the relation `measured`.

It has a row for each part (see `measures`): measure, value, number, and the columns by which they
are added up, among project_id, channel_uuid and day.

It reads the relation `piece`, in which each row is a time span of a project with its offset from
UTC: project_id, starts_at, ends_at, utc_offset. What happened in a piece is measured, on the local
day that the offset yields.
"""

from collections.abc import Callable

from apps.analytics.figures.measures import Measure, rounded
from apps.analytics.figures.rows import (
    ANSWERED,
    CLOSED,
    CLOSED_EARLIER,
    CLOSING_COLUMNS,
    OPENED,
    Rows,
)
from apps.conversations.scores import CSAT_KEY


def _in_pieces(rows: Rows) -> str:
    # OFFSET keeps the planner from joining in any other way than by one index scan for each piece.
    # It cannot know how few rows the pieces have, and might read the whole table.
    return f"""
    FROM piece CROSS JOIN LATERAL (
        SELECT {rows.at} AS at, {rows.columns} FROM {rows.table} AS item
        WHERE item.project_id = piece.project_id
            AND {rows.at} >= piece.starts_at AND {rows.at} < piece.ends_at
            AND (%(channel)s::uuid IS NULL OR item.channel_uuid = %(channel)s)
            AND {rows.where or "true"}
        OFFSET 0
    ) AS item
    """  # noqa: S608 (constants)


def _by_id(rows: Rows) -> str:
    # The rows are read once, and not once for each piece.
    return f"""
    FROM (
        SELECT item.project_id, {rows.at} AS at, {rows.columns} FROM {rows.table} AS item
        WHERE {rows.ids} AND {rows.where or "true"}
        OFFSET 0
    ) AS item CROSS JOIN LATERAL (
        SELECT * FROM piece WHERE piece.project_id = item.project_id
            AND item.at >= piece.starts_at AND item.at < piece.ends_at
        OFFSET 0
    ) AS piece
    """  # noqa: S608 (constants)


_DAY = "(item.at AT TIME ZONE 'UTC' + piece.utc_offset)::date AS day"
# A text that answers a survey may join its conversation days after the end.
_LAST_MESSAGE_AT = "least(last_message_at, at)"
_IN_LENGTHS = "archived_at IS NOT NULL AND written_at IS NOT NULL"


def _seconds(start: str, end: str, *, where: str = "true") -> str:
    elapsed = rounded(f"date_part('epoch', {end} - {start})")
    return f"CASE WHEN {end} >= {start} AND {where} THEN {elapsed} END"


def _measured(read: Callable[[Rows], str], *, by: str, distributions_by: str) -> str:
    """Return the relation `measured`, whose parts are added up by these columns."""
    closing_columns = f"piece.project_id, {_DAY}, item.at, {CLOSING_COLUMNS}"
    length = rounded("message_count::float8")
    return f"""
opened AS (
    SELECT piece.project_id, item.channel_uuid, {_DAY},
        date_part('hour', item.at AT TIME ZONE 'UTC' + piece.utc_offset)::int AS hour,
        {_seconds("written_at", "first_sent_at")} AS first_response
    {read(OPENED)}
), closing AS (
    SELECT {closing_columns}, item.opened_at {read(CLOSED)}
    UNION ALL
    SELECT {closing_columns}, (
        SELECT opened_at FROM conversations_conversation WHERE uuid = item.conversation_id
    ) {read(CLOSED_EARLIER)}
), closed AS (
    SELECT project_id, channel_uuid, day, resolution, written_at IS NULL AS is_outreach,
        written_at IS NOT NULL AND (csat IS NOT NULL OR nps IS NOT NULL) AS is_answered,
        archived_at IS NOT NULL AS is_archived,
        message_count - messages_before_reopening AS messages,
        CASE WHEN {_IN_LENGTHS} AND message_count > 0 THEN {length} END AS length,
        {_seconds("first_message_at", _LAST_MESSAGE_AT, where=_IN_LENGTHS)} AS duration,
        {_seconds("opened_at", "at", where="written_at IS NOT NULL")} AS to_resolution
    FROM closing
), closed_by AS (
    SELECT {by}, resolution, length, duration, to_resolution, count(*) AS closed,
        count(*) FILTER (WHERE is_outreach) AS outreach,
        count(*) FILTER (WHERE is_answered) AS answered,
        count(*) FILTER (WHERE is_archived) AS archived, sum(messages) AS messages
    FROM closed
    GROUP BY GROUPING SETS (
        ({by}, resolution), ({distributions_by}length), ({distributions_by}duration),
        ({distributions_by}to_resolution)
    )
), measured AS (
    SELECT {by}, CASE WHEN hour IS NULL THEN {Measure.FIRST_RESPONSE:d} ELSE {Measure.OPENED:d} END
        AS measure, coalesce(hour, first_response) AS value, count(*) AS number
    FROM opened GROUP BY GROUPING SETS (({by}, hour), ({distributions_by}first_response))
    HAVING coalesce(hour, first_response) IS NOT NULL
    UNION ALL
    SELECT {by}, measure, value, number
    FROM closed_by CROSS JOIN LATERAL (
        VALUES ({Measure.CLOSED:d}, resolution, closed),
            ({Measure.OUTREACH:d}, resolution * 0, outreach),
            ({Measure.ANSWERED:d}, resolution * 0, answered),
            ({Measure.ARCHIVED:d}, resolution * 0, archived),
            ({Measure.MESSAGES:d}, resolution * 0, messages),
            ({Measure.LENGTH:d}, length, closed),
            ({Measure.DURATION:d}, duration, closed),
            ({Measure.TO_RESOLUTION:d}, to_resolution, closed)
    ) AS part (measure, value, number)
    -- Each row of `closed_by` has one of the columns by which it is grouped.
    WHERE value IS NOT NULL AND number <> 0
    UNION ALL
    SELECT {by}, measure, score, count(*)
    FROM (
        SELECT piece.project_id, item.channel_uuid, {_DAY}, item.score,
            CASE key WHEN '{CSAT_KEY}' THEN {Measure.CSAT:d} ELSE {Measure.NPS:d} END AS measure
        {read(ANSWERED)}
    ) AS answered
    GROUP BY {by}, measure, score
)
"""  # noqa: S608 (constants)


_ROLLUP = "project_id, channel_uuid, day"
# Parts of the rows in the pieces, for figures: the counts of each day, and the distributions of all
# days together. Parameter: channel, or None for all.
FIGURES = _measured(_in_pieces, by="day", distributions_by="")
# The same with the distributions of each day.
FIGURES_BY_DAY = _measured(_in_pieces, by="day", distributions_by="day, ")
# The same of the whole period, by project and by channel.
BY_PROJECT = _measured(_in_pieces, by="project_id", distributions_by="project_id, ")
BY_CHANNEL = _measured(_in_pieces, by="channel_uuid", distributions_by="channel_uuid, ")
# The parts of rollups, by project, channel and day.
ROLLUPS = _measured(_in_pieces, by=_ROLLUP, distributions_by=f"{_ROLLUP}, ")
# Rollups of rows with these ids. Parameters: the ids of conversations, and of answers that are not
# theirs.
ROLLUPS_BY_ID = _measured(_by_id, by=_ROLLUP, distributions_by=f"{_ROLLUP}, ")
