"""Checks whether the clocks of this machine, AWS and PostgreSQL agree."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection

from apps.common.clock import now
from operations.doctor.aws import Service
from operations.doctor.findings import Finding, error, ok, skipped, warning
from operations.doctor.postgresql import short_transaction

AWS, POSTGRESQL = "clocks.aws", "clocks.postgresql"
# The worker's clock decides which closings are due. AWS refuses requests whose time is five minutes
# off, and the worker may drop a tick of beat that is five minutes old.
NOTICEABLE = timedelta(seconds=5)
HARMFUL = timedelta(seconds=60)
# The Date header of HTTP has no fractions (RFC 9110, "Date/Time Formats").
HEADER_RESOLUTION = timedelta(seconds=1)


def check() -> Iterator[Finding]:
    """Yield a finding for AWS, from the Date header of a response, and one for PostgreSQL."""
    yield _aws()
    try:
        yield _postgresql()
    except (DatabaseError, InterfaceError) as failure:
        yield skipped(POSTGRESQL, f"PostgreSQL's time cannot be read ({type(failure).__name__}).")


def skew(*, other: datetime, before: datetime, after: datetime, resolution: timedelta) -> timedelta:
    """Return the minimum by which our clock is ahead of another one; negative if it is behind.

    The other clock was read between `before` and `after`. Its true time is at most `resolution`
    later than `other`.
    """
    if other > after:
        return after - other
    return max(before - other - resolution, timedelta(0))


def _aws() -> Finding:
    service = Service("sqs", region=settings.SQS_CONVERSATION_REGION)
    before = now()
    # Every response has the time, even if AWS refuses the call.
    reply = service.call(
        "get_queue_attributes",
        QueueUrl=settings.SQS_CONVERSATION_QUEUE_URL,
        AttributeNames=["QueueArn"],
    )
    after = now()
    date = reply.headers.get("date")
    if not date:
        return skipped(AWS, f"The time of SQS cannot be read ({reply.code or 'no Date header'}).")
    return _skew_finding(
        AWS,
        skew(
            other=parsedate_to_datetime(date),
            before=before,
            after=after,
            resolution=HEADER_RESOLUTION,
        ),
        remedy="Set this machine's clock: timedatectl set-ntp true",
    )


def _postgresql() -> Finding:
    with short_transaction(), connection.cursor() as cursor:
        before = now()
        cursor.execute("SELECT clock_timestamp()")
        (other,) = cursor.fetchone()
        after = now()
    return _skew_finding(
        POSTGRESQL,
        skew(other=other, before=before, after=after, resolution=timedelta(0)),
        remedy="If clocks.aws is ok, set the clock of PostgreSQL's machine: "
        "timedatectl set-ntp true",
    )


def _skew_finding(check: str, difference: timedelta, *, remedy: str) -> Finding:
    seconds = abs(difference).total_seconds()
    where = "ahead of" if difference > timedelta(0) else "behind"
    whose = "AWS's" if check == AWS else "PostgreSQL's"
    found = f"This machine's clock is {seconds:.0f} s {where} {whose}."
    if abs(difference) > HARMFUL:
        return error(check, found, remedy)
    if abs(difference) > NOTICEABLE:
        return warning(check, found, remedy)
    return ok(check, f"This machine's clock agrees with {whose}.")
