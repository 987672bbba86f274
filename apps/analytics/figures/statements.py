"""The rows that the figures count, as FROM and WHERE clauses for the lists behind the figures.

They read the spans of the period in each project's zone. The offset of a span converts an instant
to local time. The figures themselves are computed by `sources`.
"""

from collections.abc import Sequence
from typing import Any

from django.db import connection

from apps.analytics.figures.periods import Period, spans
from apps.analytics.figures.results import Scope

Row = tuple[Any, ...]

_ZONES = """
SELECT DISTINCT timezone FROM conversations_project
WHERE %(project)s::uuid IS NULL OR uuid = %(project)s
"""

_SPANS = """
WITH span AS (
    SELECT project.uuid AS project_id, starts_at, ends_at, utc_offset
    FROM conversations_project AS project
    JOIN unnest(
        %(timezones)s::text[], %(starts)s::timestamptz[], %(ends)s::timestamptz[],
        %(offsets)s::interval[]
    ) AS span (timezone, starts_at, ends_at, utc_offset) USING (timezone)
    WHERE %(project)s::uuid IS NULL OR project.uuid = %(project)s
)
"""

# Each time that a conversation closed. Reopening moves a closing to the second table.
_CLOSINGS = """
, closing AS (
    SELECT uuid AS conversation_id, project_id, channel_uuid, ended_at, resolution, written_at,
        csat, nps, archived_at, first_message_at, last_message_at, message_count,
        messages_before_reopening
    FROM conversations_conversation WHERE ended_at IS NOT NULL
    UNION ALL
    SELECT conversation_id, project_id, channel_uuid, ended_at, resolution, written_at,
        csat, nps, archived_at, first_message_at, last_message_at, message_count,
        messages_before_reopening
    FROM conversations_earlierclosing
)
"""

ANSWERS = """
FROM span JOIN analytics_surveyanswer AS answer ON answer.project_id = span.project_id
    AND answered_at >= starts_at AND answered_at < ends_at
WHERE answered_at >= %(since)s AND answered_at < %(until)s
    AND NOT is_replaced AND score IS NOT NULL
    AND (%(channel)s::uuid IS NULL OR channel_uuid = %(channel)s)
"""

OPENINGS = """
FROM span JOIN conversations_conversation AS conversation
    ON conversation.project_id = span.project_id
    AND opened_at >= starts_at AND opened_at < ends_at
WHERE opened_at >= %(since)s AND opened_at < %(until)s
    AND (%(channel)s::uuid IS NULL OR channel_uuid = %(channel)s)
"""

CLOSINGS = """
FROM span JOIN closing ON closing.project_id = span.project_id
    AND ended_at >= starts_at AND ended_at < ends_at
WHERE ended_at >= %(since)s AND ended_at < %(until)s
    AND (%(channel)s::uuid IS NULL OR channel_uuid = %(channel)s)
"""


def zones(*, scope: Scope) -> list[str]:
    """Return the time zones of the scope's projects."""
    with connection.cursor() as cursor:
        cursor.execute(_ZONES, {"project": scope.project})
        return [timezone for (timezone,) in cursor.fetchall()]


def run_statement(
    statement: str, *, scope: Scope, period: Period, timezones: Sequence[str]
) -> list[Row]:
    """Return the rows of a statement that reads ANSWERS, OPENINGS or CLOSINGS."""
    period_spans = [
        span for timezone in timezones for span in spans(period=period, timezone=timezone)
    ]
    parameters = {
        "project": scope.project,
        "channel": scope.channel,
        "timezones": [span.timezone for span in period_spans],
        "starts": [span.starts_at for span in period_spans],
        "ends": [span.ends_at for span in period_spans],
        "offsets": [span.utc_offset for span in period_spans],
        # With constant bounds, the planner can estimate how many rows a period has.
        "since": min((span.starts_at for span in period_spans), default=None),
        "until": max((span.ends_at for span in period_spans), default=None),
    }
    with connection.cursor() as cursor:
        cursor.execute(_SPANS + _CLOSINGS + statement, parameters)
        rows: list[Row] = cursor.fetchall()
    return rows
