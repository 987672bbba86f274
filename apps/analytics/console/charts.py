"""The charts of the console's page, in its order."""

from datetime import date

from apps.analytics.console import charts_by_time, charts_of_counts
from apps.analytics.console.buckets import buckets
from apps.analytics.console.chart import Chart
from apps.analytics.console.queries import Query
from apps.analytics.figures import Figures


def charts(figures: Figures, *, query: Query, first_open_day: date) -> list[Chart]:
    """Return all charts. `first_open_day` is the first day that is not over for some project."""
    parts = [
        charts_by_time.Bucket(days=days, is_over=days.last < first_open_day)
        for days in buckets(query.period)
    ]
    return [
        charts_by_time.csat_by_time(figures, query=query, parts=parts),
        charts_by_time.nps_by_time(figures, query=query, parts=parts),
        charts_of_counts.csat_distribution(figures, query=query),
        charts_of_counts.nps_distribution(figures, query=query),
        charts_of_counts.openings_by_hour(figures, query=query),
        charts_by_time.closings_by_time(figures, query=query, parts=parts),
    ]
