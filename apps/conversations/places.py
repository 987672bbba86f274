"""Places on the queue, with their queue times as datetimes."""

from datetime import UTC, datetime, timedelta

from celery_sqs_fifo.place import Place

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def place_at(*, queue_time: datetime, sequence_number: int, group: str) -> Place:
    """Return a place. The queue time is cut to whole milliseconds, as SQS reports it."""
    milliseconds = (queue_time - _EPOCH) // timedelta(milliseconds=1)
    return Place(milliseconds, sequence_number, group)


def time_of(place: Place) -> datetime:
    """Return the queue time of a place."""
    return as_datetime(place.queue_time)


def as_datetime(queue_time: int) -> datetime:
    """Return a queue time, in milliseconds since 1970, as a datetime."""
    return _EPOCH + timedelta(milliseconds=queue_time)


def later(one: Place, other: Place) -> Place:
    """Return the later one of two places."""
    return other if one < other else one
