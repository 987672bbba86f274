"""The time zones of a scope's projects, and the spans of a period in them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db import connection

from apps.analytics.figures.periods import Period, Span, spans
from apps.analytics.figures.results import Scope

Row = tuple[Any, ...]

_ZONES = """
SELECT DISTINCT timezone FROM conversations_project
WHERE %(project)s::uuid IS NULL OR uuid = %(project)s
"""

# The relation `span`: the spans of the period in each project's zone. The offset of a span converts
# an instant to local time. Parameters: those of a scope.
SPAN = """
span AS (
    SELECT project.uuid AS project_id, starts_at, ends_at, utc_offset
    FROM conversations_project AS project
    JOIN unnest(
        %(timezones)s::text[], %(starts)s::timestamptz[], %(ends)s::timestamptz[],
        %(offsets)s::interval[]
    ) AS span (timezone, starts_at, ends_at, utc_offset) USING (timezone)
    WHERE %(project)s::uuid IS NULL OR project.uuid = %(project)s
)
"""


def zones(*, scope: Scope) -> list[str]:
    """Return the time zones of the scope's projects."""
    with connection.cursor() as cursor:
        cursor.execute(_ZONES, {"project": scope.project})
        return [timezone for (timezone,) in cursor.fetchall()]


def spans_of(*, scope: Scope, period: Period) -> list[Span]:
    """Return the spans of a period in each time zone of the scope's projects.

    Raise ZoneInfoNotFoundError for a zone that the installed tz database does not have.
    """
    return [
        span for timezone in zones(scope=scope) for span in spans(period=period, timezone=timezone)
    ]


def scope_parameters(scope: Scope, *, chosen: Sequence[Span]) -> dict[str, Any]:
    """Return the parameters of a statement that reads `span`, and the scope's channel."""
    return {
        "project": scope.project,
        "channel": scope.channel,
        "timezones": [span.timezone for span in chosen],
        **span_parameters(chosen),
    }


def span_parameters(chosen: Iterable[Span]) -> Mapping[str, Sequence[Any]]:
    """Return the arrays of starts, ends and offsets of spans, as parameters of a statement."""
    listed = list(chosen)
    return {
        "starts": [span.starts_at for span in listed],
        "ends": [span.ends_at for span in listed],
        "offsets": [span.utc_offset for span in listed],
    }
