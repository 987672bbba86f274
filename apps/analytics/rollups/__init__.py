"""Keeping the daily rollups of the figures true (ADR 40).

A day is rolled up from its rows once changes to it leave marks for certain, and again when there
are marks. Nothing else writes rollups, so they always equal the rows. The one exception is what
retention deletes: it is moved to rollups of deleted rows.
"""

from apps.analytics.rollups.comparing import days_of, differences, sample
from apps.analytics.rollups.filling import fill_page, rebuild, refresh_page, restart_moved
from apps.analytics.rollups.keeping import keep
from apps.analytics.rollups.progress import Progress, progress
from apps.analytics.rollups.watching import settle, watch

__all__ = [
    "Progress",
    "days_of",
    "differences",
    "fill_page",
    "keep",
    "progress",
    "rebuild",
    "refresh_page",
    "restart_moved",
    "sample",
    "settle",
    "watch",
]
