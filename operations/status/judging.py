"""Makes the lines of the status of what the sources answered. No input or output."""

from datetime import datetime

from operations.status.judging_work import judge_work
from operations.status.judging_workers import judge_workers, workers_of
from operations.status.lines import Report
from operations.status.reading import Readings


def judge(readings: Readings, *, now: datetime, seconds: float) -> Report:
    """Return the report about what was read until `now`, within this number of seconds."""
    workers = workers_of(readings)
    lines = (
        *judge_workers(workers, readings, now=now),
        *judge_work(workers, readings, now=now),
    )
    return Report(read_at=now, seconds=seconds, lines=lines)
