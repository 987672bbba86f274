"""The lines about workers, by their answers to remote control or by their heartbeats."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from apps.common.durations import as_text
from celery_sqs_fifo.options import MAX_SET_ASIDE
from operations.doctor import worker_states
from operations.doctor.control import consumers_of
from operations.doctor.findings import Finding, ok, warning
from operations.doctor.workers import LIST_WORKERS, Known, describe_lost, judge_running
from operations.status.held_events import Held, held_of
from operations.status.lines import Line, State, Subject
from operations.status.reading import Readings, Unanswered
from operations.thresholds import FRESH_HEARTBEAT

START = "celery -A config worker -Q conversations.fifo"
WORKERS = Subject(name="workers", title=_("Workers"), command=START)
CONTROL = Subject(name="control_broker", title=_("Control broker"))
RECEIVING = Subject(name="receiving", title=_("Receiving"))
CIRCUIT = Subject(name="circuit", title=_("Circuit"))
HELD = Subject(name="held_events", title=_("Held events"), command="celery -A config inspect held")
SET_ASIDE = Subject(
    name="set_aside", title=_("Set aside"), command="celery -A config inspect causes"
)
SQS_CALLS = Subject(name="sqs_calls", title=_("Workers' SQS calls"))
RESUME = "celery -A config control add_consumer conversations.fifo"
NOT_REPORTED = _("No worker reports it.")

CALLS = ("workers.deletes", "workers.leases", "workers.quarantine", "workers.credentials")

# The reports of the consumers that run, by worker. A paused worker has none.
Reports = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Workers:
    """What is known about workers, the reports of those that consume, and the doctor's findings."""

    known: Known
    reports: Reports
    findings: Mapping[str, Finding]

    @property
    def oldest_event_age(self) -> float | None:
        """Return the age of the oldest event that workers know, in seconds, or None.

        SQS does not tell it. It is that of the oldest event that a worker holds, or the longest
        time for which an event of the newest receives had waited.
        """
        ages = [max(one["oldest_held_age"], one["receive_lag"]) for one in self.reports.values()]
        return max(ages, default=None)


def workers_of(readings: Readings) -> Workers:
    """Return what is known about workers from both sources."""
    known = _known(readings)
    reports = {
        worker: next(iter(queues.values()))
        for worker, queues in sorted(known.alive.items())
        if queues
    }
    found = worker_states.check(known.alive) if known.alive else ()
    return Workers(known=known, reports=reports, findings={one.check: one for one in found})


def judge_workers(workers: Workers, readings: Readings, *, now: datetime) -> Iterator[Line]:
    """Yield the lines about workers and the control broker."""
    findings, reports = workers.findings, workers.reports
    yield _running(workers, readings)
    yield _control(readings)
    held = held_of(readings.held, now=now)
    if not reports:
        yield _paused(findings)
        for subject in (CIRCUIT, SET_ASIDE, SQS_CALLS):
            yield subject.unknown(NOT_REPORTED)
        yield HELD.unknown(NOT_REPORTED, values=_held_values(held, reports))
        return
    yield _receiving(findings, reports)
    yield CIRCUIT.line(
        [findings["workers.circuit"]],
        values={"open_circuits": sum(report["circuit_is_open"] for report in reports.values())},
    )
    yield _set_aside(findings["workers.parked"], reports)
    yield SQS_CALLS.line([findings[name] for name in CALLS], good=gettext("SQS accepts all calls."))
    yield _held(findings["workers.held"], held, reports)


def _known(readings: Readings) -> Known:
    """Return what is known about workers from both sources."""
    answers = readings.stats
    replies = None if isinstance(answers, Unanswered) else consumers_of(answers)
    if isinstance(readings.heartbeats, Unanswered):
        reason = str(readings.heartbeats.sentence).rstrip(".")
        return Known(heartbeats=(), unreadable=reason, replies=replies)
    heartbeats, unreadable = readings.heartbeats
    return Known(heartbeats=heartbeats, unreadable=str(unreadable), replies=replies)


def _running(workers: Workers, readings: Readings) -> Line:
    if isinstance(readings.stats, Unanswered) and isinstance(readings.heartbeats, Unanswered):
        sentence = f"{readings.stats.sentence} {readings.heartbeats.sentence}"
        return WORKERS.unknown(sentence, values={"running": None, "workers": []})
    known = workers.known
    values = {"running": len(known.alive), "workers": _rows(workers)}
    if not known.alive and any(beat.age <= FRESH_HEARTBEAT for beat in known.lost):
        # On a busy machine, a worker needs longer to answer. The doctor waits longer.
        return WORKERS.unknown(f"{describe_lost(known)}.", values=values)
    # A worker that is frozen does not need another one, but has to continue.
    command = LIST_WORKERS if known.lost else ""
    return WORKERS.line([judge_running(known)], command=command, values=values)


def _rows(workers: Workers) -> list[dict[str, Any]]:
    """Return the numbers of each worker, and those of workers that have not ended normally."""
    return [
        *(_row(worker, workers.reports.get(worker)) for worker in sorted(workers.known.alive)),
        *(
            {
                "worker": beat.worker,
                "state": "lost",
                "last_heartbeat_age_seconds": round(beat.age.total_seconds(), 1),
            }
            for beat in workers.known.lost
        ),
    ]


def _row(worker: str, report: Mapping[str, Any] | None) -> dict[str, Any]:
    if report is None:
        return {"worker": worker, "state": "paused"}
    return {
        "worker": worker,
        "state": "circuit open" if report["circuit_is_open"] else "running",
        "last_receive_age_seconds": report["received_age"],
        "receive_lag_seconds": report["receive_lag"],
        "messages": report["held"],
        "set_aside_messages": report["set_aside"],
        "running_tasks": report["running_tasks"],
    }


def _control(readings: Readings) -> Line:
    if isinstance(readings.stats, Unanswered):
        return CONTROL.unknown(readings.stats.sentence)
    number = len(readings.stats)
    if not number:
        return CONTROL.line([ok(CONTROL.name, gettext("It responds, and no worker answers."))])
    sentence = ngettext(
        "It responds, and %(count)d worker answers.",
        "It responds, and %(count)d workers answer.",
        number,
    )
    return CONTROL.line([ok(CONTROL.name, sentence % {"count": number})])


def _paused(findings: Mapping[str, Finding]) -> Line:
    """Return the line about receiving if no worker consumes the queue."""
    if not findings:
        return RECEIVING.unknown(NOT_REPORTED)
    return RECEIVING.line([findings[worker_states.CONSUMING]], command=RESUME)


def _receiving(findings: Mapping[str, Finding], reports: Reports) -> Line:
    consuming, receiving = findings[worker_states.CONSUMING], findings["workers.receiving"]
    age = max(report["received_age"] for report in reports.values())
    last = as_text(timedelta(seconds=age))
    paused = RESUME if RECEIVING.line([consuming]).state is not State.GOOD else ""
    return RECEIVING.line(
        [consuming, receiving],
        good=gettext(
            "Every worker receives, or has a reason not to; the longest pause is %(time)s."
        )
        % {"time": last},
        command=paused,
        values={"last_receive_age_seconds": age},
    )


def _set_aside(parked: Finding, reports: Reports) -> Line:
    """Return the line about the share of failing groups: what is set aside, and what is parked."""
    set_aside = sum(report["set_aside"] for report in reports.values())
    causes = [cause for report in reports.values() for cause in report["causes"]]
    full = [worker for worker, report in reports.items() if report["set_aside"] >= MAX_SET_ASIDE]
    count = {"count": set_aside}
    findings = [parked]
    if full:
        findings.append(
            warning(
                SET_ASIDE.name,
                ngettext(
                    "%(count)d event is set aside, the maximum of %(workers)s, so further events "
                    "of failing groups are parked.",
                    "%(count)d events are set aside, the maximum of %(workers)s, so further events "
                    "of failing groups are parked.",
                    set_aside,
                )
                % {**count, "workers": ", ".join(full)},
                "",
            )
        )
    good = gettext("No event is set aside for failing or slow groups, and none is parked.")
    if set_aside:
        sentence = ngettext(
            "%(count)d event is set aside for failing or slow groups, and none is parked.",
            "%(count)d events are set aside for failing or slow groups, and none is parked.",
            set_aside,
        )
        good = sentence % count
    return SET_ASIDE.line(
        findings,
        good=good,
        values={
            "set_aside_messages": set_aside,
            "parked_messages": sum(cause["parked"] for cause in causes),
            "causes": causes,
        },
    )


def _held(too_old: Finding, held: Held | Unanswered, reports: Reports) -> Line:
    values = _held_values(held, reports)
    if isinstance(held, Unanswered):
        line = HELD.line([too_old], values=values)
        not_listed = gettext("Held events cannot be listed.")
        not_listed = f"{not_listed} {held.sentence}"
        if line.state is State.GOOD:
            return HELD.unknown(f"{line.sentence} {not_listed}", values=values)
        return HELD.line([too_old, warning(HELD.name, not_listed, "")], values=values)
    good = gettext("No event waits for a rerun.")
    if held.events:
        since = as_text(timedelta(seconds=held.events[0]["held_for_seconds"]))
        sentence = ngettext(
            "%(count)d event waits for a rerun, the first for %(time)s.",
            "%(count)d events wait for a rerun, the first for %(time)s.",
            held.total,
        )
        good = sentence % {"count": held.total, "time": since}
    return HELD.line([too_old], good=good, values=values)


def _held_values(held: Held | Unanswered, reports: Reports) -> dict[str, Any]:
    ages = [report["oldest_held_age"] for report in reports.values()]
    total, events = (None, ()) if isinstance(held, Unanswered) else (held.total, held.events)
    return {
        "waiting_for_rerun": total,
        "oldest_message_age_seconds": max(ages, default=None),
        "events": list(events),
    }
