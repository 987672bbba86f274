"""The clock of the service. Code that needs the time calls `now` or takes it as an argument."""

from datetime import UTC, datetime


def now() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(UTC)
