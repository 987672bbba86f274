"""Error reports to Sentry: the kind and location of a bug, and ids, but no personal data."""

import logging
import time
from collections.abc import Callable
from typing import Any

import sentry_sdk
from botocore.exceptions import ConnectionError as AwsConnectionError
from botocore.exceptions import HTTPClientError
from celery import signals
from celery.beat import SchedulingError
from django.db.utils import Error as DatabaseError
from sentry_sdk.integrations.atexit import AtexitIntegration
from sentry_sdk.integrations.excepthook import ExcepthookIntegration
from sentry_sdk.integrations.logging import LoggingIntegration
from sentry_sdk.integrations.threading import ThreadingIntegration
from sentry_sdk.types import Event, Hint

from apps.common.errors import InvalidEvent, Unavailable, is_external
from celery_sqs_fifo import ErrorLocation, error_location, unwrapped
from observability.log_context import IDS, bound_fields

FLUSH_SECONDS = 2.0
SAME_CAUSE_SECONDS = 600.0
MAX_CAUSES = 1_000
# These are not bugs of the service: events are quarantined or wait, and metrics show it.
EXPECTED = (
    InvalidEvent,
    Unavailable,
    AwsConnectionError,
    HTTPClientError,
)
# A report keeps only these parts, whatever Sentry's SDK adds.
_PARTS = (
    "event_id",
    "timestamp",
    "platform",
    "level",
    "logger",
    "release",
    "environment",
    "server_name",
    "sdk",
    "modules",
)
_PARTS_OF_AN_EXCEPTION = ("type", "module", "stacktrace", "mechanism", "thread_id")


def start_sentry(*, dsn: str, environment: str, release: str) -> None:
    """Report bugs to Sentry, if there is a DSN.

    Sentry's integrations with Celery, Django and boto3 are not used, because they add arguments of
    tasks, requests and users. These are reported: errors that the service captures, log lines at
    ERROR with an exception (also those of Celery, beat and Django), bugs of the worker's main
    process, and exceptions that end a process.

    A thread with a bounded queue sends the reports. If Sentry is down, only the end of a process is
    delayed, by at most two seconds (sentry-sdk, `shutdown_timeout`).
    """
    if not dsn:
        return
    once = OncePerCause(now=time.monotonic, seconds=SAME_CAUSE_SECONDS)

    def before_send(event: Event, hint: Hint) -> Event | None:
        return _report(event, hint, once=once)

    sentry_sdk.init(
        dsn=dsn,
        environment=environment,
        release=release,
        send_default_pii=False,
        include_local_variables=False,
        max_request_body_size="never",
        max_breadcrumbs=0,
        send_client_reports=False,
        auto_session_tracking=False,
        shutdown_timeout=FLUSH_SECONDS,
        before_send=before_send,
        default_integrations=False,
        auto_enabling_integrations=False,
        integrations=[
            LoggingIntegration(level=None, event_level=logging.ERROR),
            ExcepthookIntegration(),
            ThreadingIntegration(propagate_scope=False),
            AtexitIntegration(callback=_ignore_pending),
        ],
    )


@signals.worker_process_shutdown.connect
def flush_reports(**_signal: Any) -> None:
    """Send the remaining reports of a pool process, which does not run `atexit` functions."""
    sentry_sdk.flush(timeout=FLUSH_SECONDS)


class OncePerCause:
    """Lets through the first report of a cause, and then at most one every `seconds`."""

    def __init__(self, *, now: Callable[[], float], seconds: float) -> None:
        self._now = now
        self._seconds = seconds
        # By cause: when the last report was let through, and how many were held back since.
        self._seen: dict[str, tuple[float, int]] = {}

    def repeats(self, cause: str) -> int | None:
        """Return how many reports were held back since the last one that was let through.

        Return None if this one must be held back too.
        """
        now = self._now()
        reported_at, held_back = self._seen.get(cause, (now - self._seconds, 0))
        if now - reported_at < self._seconds:
            self._seen[cause] = (reported_at, held_back + 1)
            return None
        if len(self._seen) >= MAX_CAUSES and cause not in self._seen:
            del self._seen[next(iter(self._seen))]
        self._seen[cause] = (now, 0)
        return held_back


def _report(event: Event, hint: Hint, *, once: OncePerCause) -> Event | None:
    record = hint.get("log_record")
    cause = _cause_of(hint, record)
    repeats = once.repeats(cause) if cause else None
    if cause is None or repeats is None:
        return None
    whole: dict[str, Any] = dict(event)
    report: dict[str, Any] = {name: whole[name] for name in _PARTS if name in whole}
    report["fingerprint"] = [cause]
    report["extra"] = {"places": cause, "repeats": repeats}
    fields = {**bound_fields(), **(vars(record) if record else {})}
    report["tags"] = {name: str(fields[name]) for name in IDS if name in fields}
    if exceptions := _exceptions(whole, error=(hint.get("exc_info") or (None, None))[1]):
        report["exception"] = {"values": exceptions}
    elif record:
        # A line without an exception is reported only if this service logs it. Its message is then
        # constant.
        report["message"] = record.getMessage()
    sent: Any = report
    return sent  # type: ignore[no-any-return]


def _cause_of(hint: Hint, record: logging.LogRecord | None) -> str | None:
    """Return the kind and location of a bug, or None if it is not a bug."""
    error = (hint.get("exc_info") or (None, None))[1]
    if isinstance(error, Exception):
        return None if _is_expected(error) else error_location(error)
    location = getattr(record, "error", None)
    is_of_main_process = record is not None and record.name.startswith("celery_sqs_fifo")
    return location if is_of_main_process and isinstance(location, ErrorLocation) else None


def _is_expected(error: BaseException | None) -> bool:
    """Return whether the error or one of its causes is expected."""
    seen = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, EXPECTED):
            return True
        if isinstance(error, DatabaseError) and is_external(error):
            return True
        seen.add(id(error))
        # Celery's beat raises SchedulingError without setting the original error as its cause.
        is_wrapper = isinstance(error, SchedulingError)
        error = error.__context__ if is_wrapper else error.__cause__
    return False


def _exceptions(event: dict[str, Any], *, error: BaseException | None) -> list[dict[str, Any]]:
    """Return the exceptions of a report, causes first, without their texts.

    A text may quote a row of the database, and a row may contain personal data.
    """
    exceptions = [
        {name: exception[name] for name in _PARTS_OF_AN_EXCEPTION if name in exception}
        for exception in event.get("exception", {}).get("values", [])
    ]
    if exceptions and error:
        kind = type(unwrapped(error))
        exceptions[-1] |= {"type": kind.__name__, "module": kind.__module__}
    return exceptions


def _ignore_pending(_pending: int, _timeout: float) -> None:
    """Print nothing. Sentry's own callback writes to stderr, where the logs are."""
