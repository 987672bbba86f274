"""The lines about work that waits: the queues, PostgreSQL's tables, beat, and the version."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django_celery_beat.models import PeriodicTask

from apps.analytics import datalake
from apps.common.durations import as_text
from apps.common.version import VERSION
from observability.metrics import definitions
from observability.metrics.definitions import Gauge
from observability.queue_depths import QueueStatus
from operations.doctor import beat
from operations.doctor.findings import Finding, Status
from operations.doctor.postgresql import judge_migrations
from operations.doctor.waiting import TABLES, judge_dead_letter_queue, judge_events
from operations.status.judging_workers import Workers
from operations.status.lines import ORDER, STATE_OF, Line, Subject
from operations.status.outbox import AGES, OutboxReading
from operations.status.reading import Pending, Queues, Readings, Unanswered

QUEUE = Subject(name="queue", title=_("Events' queue"), command="celery -A config inspect active")
DEAD_LETTER_QUEUE = Subject(name="dead_letter_queue", title=_("Dead-letter queue"))
DEAD_LETTERS = Subject(
    name="dead_letters", title=_("Dead letters"), command="python manage.py dlq list"
)
CLOSINGS = Subject(name="closings", title=_("Closings"))
ARCHIVES = Subject(name="archives", title=_("Archives"))
ERASURES = Subject(
    name="erasures",
    title=_("Erasures"),
    command="python manage.py erase --contact URN --project PROJECT",
)
OUTBOX = Subject(name="outbox", title=_("Outbox"), command="python manage.py outbox list")
LAKE = Subject(name="data_lake", title=_("Data lake"), command="python manage.py outbox list")
BEAT = Subject(name="beat", title=_("Beat"))
SCHEMA = Subject(name="version", title=_("Version"), command="python manage.py migrate")
PROVISION = "python manage.py provision"
START_BEAT = "celery -A config beat"


def judge_work(workers: Workers, readings: Readings, *, now: datetime) -> Iterator[Line]:
    """Yield the lines about work that waits, beat, and the version."""
    yield _queue(readings.queues, workers)
    yield _dead_letter_queue(readings.queues)
    if isinstance(readings.pending, Unanswered):
        sentence = readings.pending.sentence
        yield from (one.unknown(sentence) for one in (DEAD_LETTERS, CLOSINGS, ARCHIVES, ERASURES))
        yield from (one.unknown(sentence) for one in (OUTBOX, LAKE))
    else:
        yield from _tables(readings.pending)
        yield _outbox(readings.pending)
        yield _lake(readings.pending)
    yield _beat(readings.schedules, now=now)
    yield _version(readings.migrations)


def _queue(queues: Queues | Unanswered, workers: Workers) -> Line:
    age = workers.oldest_event_age
    values: dict[str, Any] = {"oldest_event_age_seconds": age}
    if isinstance(queues, Unanswered) or queues.events.depth is None:
        return QUEUE.unknown(_why(queues, "events"), values=values)
    waiting, in_flight = queues.events.depth.waiting, queues.events.depth.in_flight
    found = judge_events(waiting=waiting, in_flight=in_flight)
    lag = workers.findings.get("workers.lag")
    findings = [found, lag] if lag and lag.status is Status.WARNING else [found]
    oldest = ""
    if age is not None:
        sentence = gettext("The oldest event that a worker knows is %(age)s old.")
        oldest = " " + sentence % {"age": _text(age)}
    return QUEUE.line(
        findings,
        good=found.found + oldest,
        values={**values, "waiting_messages": waiting, "in_flight_messages": in_flight},
    )


def _dead_letter_queue(queues: Queues | Unanswered) -> Line:
    if isinstance(queues, Unanswered) or queues.dead_letters.depth is None:
        return DEAD_LETTER_QUEUE.unknown(_why(queues, "dead_letters"))
    depth = queues.dead_letters.depth
    return DEAD_LETTER_QUEUE.line(
        [judge_dead_letter_queue(waiting=depth.waiting)],
        values={"waiting_messages": depth.waiting, "in_flight_messages": depth.in_flight},
    )


def _why(queues: Queues | Unanswered, queue: str) -> str:
    """Return a sentence that says why a queue could not be read."""
    if isinstance(queues, Unanswered):
        return str(queues.sentence)
    status: QueueStatus = getattr(queues, queue)
    sentence = gettext("The depth of %(queue)s cannot be read (%(error)s).")
    return sentence % {"queue": status.queue, "error": status.error}


def _tables(pending: Pending) -> Iterator[Line]:
    gauges = pending.gauges
    letters = {reason: int(number) for (reason,), number in _series(pending).items()}
    yield DEAD_LETTERS.line(
        [_of_table("waiting.dead_letters", pending)],
        values={
            "waiting": sum(letters.values()),
            "by_reason": letters,
            "oldest_age_seconds": gauges[definitions.DEAD_LETTERS_OLDEST_AGE.name][()],
        },
    )
    yield CLOSINGS.line(
        [_of_table("waiting.closings", pending)],
        values={
            "overdue": _value(pending, definitions.CLOSINGS_OVERDUE),
            "late": _value(pending, definitions.CLOSINGS_LATE),
            "claimed": _value(pending, definitions.CLOSINGS_CLAIMED),
        },
    )
    yield ARCHIVES.line(
        [_of_table("waiting.archives", pending)],
        values={"not_archived": _value(pending, definitions.ARCHIVES_PENDING)},
    )
    yield ERASURES.line(
        [_of_table("waiting.erasures", pending)],
        values={"not_erased": _value(pending, definitions.ERASURES_PENDING)},
    )


def _series(pending: Pending) -> Mapping[tuple[str, ...], float]:
    return pending.gauges[definitions.DEAD_LETTERS_WAITING.name]


def _of_table(check: str, pending: Pending) -> Finding:
    return TABLES[check](check, pending.gauges)


def _value(pending: Pending, gauge: Gauge) -> int:
    return int(pending.gauges[gauge.name][()])


def _outbox(pending: Pending) -> Line:
    return OUTBOX.line(
        [_of_table("waiting.outbox", pending)],
        values={
            "waiting": _value(pending, definitions.LAKE_WAITING),
            "oldest_age_seconds": pending.gauges[definitions.LAKE_OLDEST_AGE.name][()],
            "by_age": _by_age(pending.outbox),
        },
    )


def _by_age(reading: OutboxReading) -> list[dict[str, float | None]]:
    """Return the numbers of waiting events by age, without a maximum for the oldest ones."""
    bounds = [0.0, *(age.total_seconds() for age in AGES), None]
    return [
        {"min_age_seconds": low, "max_age_seconds": high, "events": number}
        for (low, high), number in zip(pairwise(bounds), reading.by_age, strict=True)
    ]


def _lake(pending: Pending) -> Line:
    age = pending.outbox.last_delivery_age
    good = gettext("It has accepted no event within the last week.")
    if datalake.is_off():
        good = gettext("It is off (DATALAKE_URL=none): answers are recorded and not sent.")
    elif age is not None:
        sentence = gettext("It last accepted an event %(time)s ago, and has refused none.")
        good = sentence % {"time": _text(age)}
    return LAKE.line(
        [_of_table("waiting.refused", pending)],
        good=good,
        values={
            "enabled": bool(_value(pending, definitions.LAKE_ENABLED)),
            "refused": _value(pending, definitions.LAKE_REFUSED),
            "last_delivery_age_seconds": age if age is None else round(age, 1),
        },
    )


def _beat(schedules: Sequence[PeriodicTask] | Unanswered, *, now: datetime) -> Line:
    if isinstance(schedules, Unanswered):
        return BEAT.unknown(schedules.sentence)
    judged = list(beat.judge_each(schedules))
    rows = [_schedule(one, now=now) for one in judged]
    worst = _summary([one.finding for one in judged])
    ages = [row["last_run_age_seconds"] for row in rows]
    last = min((age for age in ages if age is not None), default=None)
    return BEAT.line(
        [worst],
        good=gettext("Every schedule has run in time, the last one %(time)s ago.")
        % {"time": _text(last or 0.0)},
        command=next((one for one in (PROVISION, START_BEAT) if one in worst.remedy), ""),
        values={"last_tick_age_seconds": last, "schedules": rows},
    )


def _schedule(judged: beat.Judged, *, now: datetime) -> dict[str, Any]:
    """Return the row of a schedule. A task that has several has a row for each."""
    schedule = judged.schedule
    ran_at = schedule.last_run_at if schedule and schedule.enabled else None
    return {
        "task": judged.task,
        "name": schedule.name if schedule else None,
        "state": str(STATE_OF[judged.finding.status]),
        "last_run_age_seconds": round((now - ran_at).total_seconds(), 1) if ran_at else None,
        "found": judged.finding.found,
    }


def _summary(findings: Sequence[Finding]) -> Finding:
    """Return the worst finding, with the name of its task and the number of similar ones."""
    first = max(findings, key=lambda finding: ORDER.index(STATE_OF[finding.status]))
    task = first.check.partition(".")[2]
    others = sum(finding.status is first.status for finding in findings) - 1
    more = ""
    if others:
        sentence = ngettext(
            "%(count)d other schedule is like it.", "%(count)d other schedules are like it.", others
        )
        more = " " + sentence % {"count": others}
    return replace(first, found=f"{task}: {first.found}{more}")


def _version(migrations: Sequence[str] | Unanswered) -> Line:
    if isinstance(migrations, Unanswered):
        return SCHEMA.unknown(
            f"{VERSION}. {migrations.sentence}", values={"version": VERSION, "unapplied": None}
        )
    finding = judge_migrations(migrations)
    return SCHEMA.line(
        [Finding(check=finding.check, status=finding.status, found=f"{VERSION}. {finding.found}")],
        values={"version": VERSION, "unapplied": list(migrations)},
    )


def _text(seconds: float) -> str:
    return as_text(timedelta(seconds=seconds))
