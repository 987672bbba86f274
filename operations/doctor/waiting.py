"""Checks for pending work: events, dead letters, closings, archives, erasures and the outbox."""

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from django.utils.translation import gettext as _

from apps.analytics import datalake
from apps.common import aws
from apps.common.clock import now
from apps.common.durations import as_text
from observability.metrics import definitions
from observability.metrics.definitions import Gauge, Reading
from observability.metrics.postgresql import read_gauges
from operations.doctor.aws import Reply, ReplyKind, Service
from operations.doctor.findings import Finding, counted, ok, skipped, warning
from operations.doctor.postgresql import short_transaction
from operations.thresholds import MAX_IN_FLIGHT, MAX_LAKE_AGE

EVENTS, DEAD_LETTER_QUEUE = "waiting.events", "waiting.dead_letter_queue"
# The reasons of dead letters that are faults of this service, not of a producer.
OWN_FAULTS = ("bug", "lost")


def check() -> Iterator[Finding]:
    """Yield findings about both queues and the tables in which something waits."""
    service = Service("sqs", region=settings.SQS_CONVERSATION_REGION)
    events = _depth(service, settings.SQS_CONVERSATION_QUEUE_URL)
    yield _events(events)
    if events.fails_every_call:
        yield _dead_letter_queue(events)
    else:
        yield _dead_letter_queue(_depth(service, settings.SQS_CONVERSATION_DLQ_URL))
    try:
        with short_transaction(), connection.cursor() as cursor:
            reading = read_gauges(cursor, moment=now())
    except (DatabaseError, InterfaceError) as failure:
        reason = f"The tables cannot be read ({type(failure).__name__}): see postgresql."
        yield from (skipped(name, reason) for name in TABLES)
        return
    for name, check_table in TABLES.items():
        yield check_table(name, reading)


def _depth(service: Service, url: str) -> Reply:
    return service.call(
        "get_queue_attributes",
        QueueUrl=url,
        AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
    )


def _events(depth: Reply) -> Finding:
    if depth.kind is not ReplyKind.DONE:
        return skipped(EVENTS, "The number of events cannot be read: see sqs.queue.")
    waiting, in_flight = _numbers(depth)
    return judge_events(waiting=waiting, in_flight=in_flight)


def judge_events(*, waiting: int, in_flight: int) -> Finding:
    """Return a finding about the numbers of messages on the events' queue."""
    sentence = _("No event waits to be received, and %(moving)s.")
    if waiting:
        sentence = _("About %(events)s to be received, and %(moving)s.")
    moving = counted(in_flight, "is in flight", "are in flight")
    if not in_flight:
        moving = _("none is in flight")
    events = counted(waiting, "event waits", "events wait")
    found = sentence % {"events": events, "moving": moving}
    if in_flight > MAX_IN_FLIGHT:
        return warning(
            EVENTS,
            f"{found} "
            + _("SQS returns no more messages while %(max)d are in flight.")
            % {"max": aws.SQS_FIFO_MAX_IN_FLIGHT},
            "Parked events are in flight, too. Fix what makes them fail or stop their producer, "
            "then release them: workers.parked shows how.",
        )
    return ok(EVENTS, found)


def _dead_letter_queue(depth: Reply) -> Finding:
    if depth.kind is not ReplyKind.DONE:
        return skipped(DEAD_LETTER_QUEUE, "The number of letters cannot be read: see sqs.dlq.")
    waiting, _in_flight = _numbers(depth)
    return judge_dead_letter_queue(waiting=waiting)


def judge_dead_letter_queue(*, waiting: int) -> Finding:
    """Return a finding about the number of messages on the dead-letter queue."""
    if waiting:
        letters = counted(waiting, "dead letter is", "dead letters are")
        return warning(
            DEAD_LETTER_QUEUE,
            _("About %(letters)s on the dead-letter queue, and not yet in PostgreSQL.")
            % {"letters": letters},
            "They are collected every minute. If this is the same in two minutes, see "
            "beat.collect_dead_letters and workers.*",
        )
    return ok(DEAD_LETTER_QUEUE, _("All dead letters are in PostgreSQL."))


def _numbers(depth: Reply) -> tuple[int, int]:
    attributes = depth.content["Attributes"]
    return (
        int(attributes["ApproximateNumberOfMessages"]),
        int(attributes["ApproximateNumberOfMessagesNotVisible"]),
    )


def _dead_letters(check: str, reading: Reading) -> Finding:
    letters = reading[definitions.DEAD_LETTERS_WAITING.name]
    reasons = {reason: int(number) for (reason,), number in letters.items()}
    if not reasons:
        return ok(check, _("No dead letters wait."))
    ordered = sorted(reasons.items(), key=lambda one: one[0] not in OWN_FAULTS)
    by_reason = ", ".join(f"{number} {reason}" for reason, number in ordered)
    waiting = counted(sum(reasons.values()), "dead letter waits", "dead letters wait")
    return warning(
        check,
        _("%(letters)s for a decision, by reason: %(by_reason)s.")
        % {"letters": waiting, "by_reason": by_reason},
        "Run: python manage.py dlq list. When the cause is fixed: python manage.py dlq redrive "
        "--reason REASON. If they can never take effect: python manage.py dlq discard",
    )


def _closings(check: str, reading: Reading) -> Finding:
    overdue = _value(reading, definitions.CLOSINGS_OVERDUE)
    late = _value(reading, definitions.CLOSINGS_LATE)
    if not overdue and not late:
        return ok(check, _("No conversation is overdue for closing."))
    sentences = []
    if overdue:
        due = counted(overdue, "conversation has", "conversations have")
        sentences.append(
            _("%(conversations)s been due for closing for over 5 minutes.") % {"conversations": due}
        )
    if late:
        sent = counted(late, "closing has", "closings have")
        sentences.append(
            _("%(closings)s been on the queue for over 30 minutes.") % {"closings": sent}
        )
    return warning(
        check,
        " ".join(sentences),
        "If many conversations close at the same time, this passes. Otherwise see "
        "beat.close_due_conversations, workers.* and workers.lag; for one conversation: python "
        "manage.py conversations show CONVERSATION",
    )


def _archives(check: str, reading: Reading) -> Finding:
    pending = _value(reading, definitions.ARCHIVES_PENDING)
    if not pending:
        return ok(check, _("All closed conversations are archived."))
    closed = counted(pending, "conversation has", "conversations have")
    return warning(
        check,
        _(
            "%(conversations)s been closed for over 15 minutes without an archive. DynamoDB "
            "deletes messages 48 hours after they were written."
        )
        % {"conversations": closed},
        'See beat.archive_late_messages and dynamodb.*; "task_failed" in the log has the cause.',
    )


def _erasures(check: str, reading: Reading) -> Finding:
    pending = _value(reading, definitions.ERASURES_PENDING)
    if not pending:
        return ok(check, _("No erasure has waited for over 15 minutes."))
    return warning(
        check,
        _("%(contacts)s not erased, 15 minutes after a request.")
        % {"contacts": counted(pending, "contact is", "contacts are")},
        "The admin site lists the requests under Erasures. Run this again for each contact: python "
        "manage.py erase --contact URN --project PROJECT",
    )


def _outbox(check: str, reading: Reading) -> Finding:
    waiting = _value(reading, definitions.LAKE_WAITING)
    oldest = _value(reading, definitions.LAKE_OLDEST_AGE)
    age = as_text(timedelta(seconds=oldest))
    if not waiting:
        return ok(check, _("No event waits to be sent to the data lake."))
    events = counted(waiting, "event waits", "events wait")
    if datalake.is_off():
        return warning(
            check,
            _("%(events)s to be sent to the data lake, which is off (DATALAKE_URL=none).")
            % {"events": events},
            "Set DATALAKE_URL to the lake until none waits. Retention keeps their answers.",
        )
    if oldest <= MAX_LAKE_AGE:
        sentence = _("%(events)s to be sent to the data lake, for up to %(age)s.")
        return ok(check, sentence % {"events": events, "age": age})
    return warning(
        check,
        _("%(events)s to be sent to the data lake, the oldest for %(age)s.")
        % {"events": events, "age": age},
        "Conversations are not affected, and nothing is lost. See lake.* and "
        "beat.send_data_lake_event, and run: python manage.py outbox list",
    )


def _refused(check: str, reading: Reading) -> Finding:
    refused = _value(reading, definitions.LAKE_REFUSED)
    if not refused:
        return ok(check, _("The data lake has not refused any events."))
    return warning(
        check,
        _("The data lake has refused %(events)s permanently.")
        % {"events": counted(refused, "event", "events")},
        "Run: python manage.py outbox list. When the cause is fixed: python manage.py outbox retry",
    )


def _value(reading: Reading, gauge: Gauge) -> float:
    return reading[gauge.name][()]


TABLES: Mapping[str, Callable[[str, Reading], Finding]] = {
    "waiting.dead_letters": _dead_letters,
    "waiting.closings": _closings,
    "waiting.archives": _archives,
    "waiting.erasures": _erasures,
    "waiting.outbox": _outbox,
    "waiting.refused": _refused,
}
