"""The rows of the growth curves' tables."""

from collections.abc import Sequence

from bench.event_cost.growth_result import ClosingPoint, Point

HEAD = (
    *("events", "events per second", "CPU per event, ms", "SQS calls", "DynamoDB calls"),
    *(
        "write units",
        "SQL statements",
        "out of order",
        "memory after a tenth, MB",
        "at the end, MB",
    ),
)
CLOSING_HEAD = (
    *("messages", "seconds", "DynamoDB calls", "write units", "read units", "SQL statements"),
    *("memory before, MB", "most memory, MB"),
)


def point_rows(points: Sequence[Point]) -> list[list[str]]:
    """One row for each point; calls, units and statements are for one event."""
    return [
        [
            f"{one.at:,.0f}",
            f"{one.events:,}",
            f"{one.events_per_second:,.0f}",
            f"{one.cpu_ms_per_event:.2f}",
            f"{one.sqs_calls_per_event:.2f}",
            f"{one.dynamodb_calls_per_event:.2f}",
            f"{one.write_units_per_event:,.2f}",
            f"{one.sql_per_event:.2f}",
            f"{one.inversions:,}",
            f"{one.settled_rss_mb:,.0f}",
            f"{one.end_rss_mb:,.0f}",
        ]
        for one in points
    ]


def closing_rows(points: Sequence[ClosingPoint]) -> list[list[str]]:
    """One row for each conversation; the figures are for its closing as a whole."""
    return [
        [
            f"{one.at:,}",
            f"{one.seconds:.2f}",
            f"{one.dynamodb_calls:,}",
            f"{one.write_units:,}",
            f"{one.read_units:,.0f}",
            f"{one.sql:,}",
            f"{one.settled_rss_mb:,.0f}",
            f"{one.peak_rss_mb:,.0f}",
        ]
        for one in points
    ]
