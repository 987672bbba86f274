"""The current status."""

from time import monotonic

from apps.common.clock import now
from operations.status.judging import judge
from operations.status.lines import Report
from operations.status.reading import read_all


def current_status() -> Report:
    """Read all sources, and return the report. It takes less than two seconds."""
    begun_at = monotonic()
    readings = read_all()
    return judge(readings, now=now(), seconds=monotonic() - begun_at)
