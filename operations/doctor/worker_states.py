"""Checks the states that workers report: receiving, the circuit, refused calls, credentials."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.common.durations import as_text
from operations.doctor.findings import Finding, counted, error, ok, skipped, warning
from operations.thresholds import (
    MAX_HELD_AGE,
    MAX_LAG,
    MAX_LOOP_PAUSE,
    MAX_RECEIVE_PAUSE,
    MIN_CREDENTIALS_LIFE,
)

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

Report = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A problem of one worker. It is an error if it `stops` events and every worker has it."""

    found: str
    stops: bool = False


@dataclass(frozen=True, kw_only=True)
class State:
    """A check of each worker's report. `fine` is the sentence if no worker has the problem."""

    check: str
    problem_of: Callable[[Report], Problem | None]
    fine: "StrOrPromise"
    remedy: str


def check(workers: Mapping[str, Mapping[str, Report]]) -> Iterator[Finding]:
    """Yield a finding for each state. `workers` are the reports by worker and queue."""
    yield _consuming(workers)
    reports = {worker: next(iter(queues.values())) for worker, queues in workers.items() if queues}
    if not reports:
        yield from (
            skipped(state.check, f"No worker reports it: see {CONSUMING}.") for state in STATES
        )
        return
    for state in STATES:
        yield _finding(state, reports)


def skip(reason: str) -> Iterator[Finding]:
    """Yield a skipped finding for each check."""
    for name in (CONSUMING, *(state.check for state in STATES)):
        yield skipped(name, reason)


def _consuming(workers: Mapping[str, Mapping[str, Report]]) -> Finding:
    paused = sorted(worker for worker, queues in workers.items() if not queues)
    if not paused:
        return ok(CONSUMING, _("Every worker consumes the queue."))
    find = error if len(paused) == len(workers) else warning
    return find(
        CONSUMING,
        _("Paused, or just started: %(workers)s.") % {"workers": ", ".join(paused)},
        "Unless somebody paused them for a reason, run: celery -A config control add_consumer "
        "conversations.fifo",
    )


def _finding(state: State, reports: Mapping[str, Report]) -> Finding:
    problems = {
        worker: problem
        for worker, report in sorted(reports.items())
        if (problem := state.problem_of(report))
    }
    if not problems:
        return ok(state.check, str(state.fine))
    stops_all = len(problems) == len(reports) and all(each.stops for each in problems.values())
    found = " ".join(f"{worker}: {problem.found}" for worker, problem in problems.items())
    return (error if stops_all else warning)(state.check, found, state.remedy)


def _age(seconds: float) -> str:
    return as_text(timedelta(seconds=seconds))


def _not_receiving(report: Report) -> Problem | None:
    if report["observed_age"] > MAX_LOOP_PAUSE:
        age = _age(report["observed_age"])
        return Problem(found=_("its event loop has hung for %(time)s.") % {"time": age}, stops=True)
    refusal = report["failing_calls"].get("ReceiveMessage")
    if refusal and report["received_age"] > MAX_LOOP_PAUSE:
        age = _age(report["received_age"])
        return Problem(
            found=_("SQS has refused its receives for %(time)s (%(error)s).")
            % {"time": age, "error": refusal},
            stops=True,
        )
    if report["received_age"] <= MAX_RECEIVE_PAUSE or report["circuit_is_open"]:
        return None
    age = _age(report["received_age"])
    if report["wants_more"]:
        return Problem(found=_("it has received nothing for %(time)s.") % {"time": age}, stops=True)
    held = counted(report["held"], "event", "events")
    running = counted(report["running_tasks"], "task", "tasks")
    return Problem(
        found=_(
            "it is full, and has received nothing for %(time)s: it holds %(events)s and runs "
            "%(tasks)s."
        )
        % {"time": age, "events": held, "tasks": running},
        stops=True,
    )


def _circuit_open(report: Report) -> Problem | None:
    if not report["circuit_is_open"]:
        return None
    return Problem(
        found=_("its circuit is open, because PostgreSQL or DynamoDB fails for all events."),
        stops=True,
    )


def _late(report: Report) -> Problem | None:
    if report["receive_lag"] <= MAX_LAG:
        return None
    sentence = _("it received an event that had waited for %(time)s.")
    return Problem(found=sentence % {"time": _age(report["receive_lag"])})


def _held(report: Report) -> Problem | None:
    if report["oldest_held_age"] <= MAX_HELD_AGE:
        return None
    sentence = _("its oldest event was queued %(time)s ago.")
    return Problem(found=sentence % {"time": _age(report["oldest_held_age"])})


def _parked(report: Report) -> Problem | None:
    parked = [cause for cause in report["causes"] if cause["parked"]]
    if not parked:
        return None
    of_cause = _('%(count)d for "%(cause)s"')
    causes = (of_cause % {"count": each["parked"], "cause": each["cause"]} for each in parked[:3])
    return Problem(found=_("it has parked %(causes)s.") % {"causes": ", ".join(causes)})


def _refused(action: str, sentence: "StrOrPromise") -> Callable[[Report], Problem | None]:
    def problem_of(report: Report) -> Problem | None:
        refusal = report["failing_calls"].get(action)
        return Problem(found=f"{sentence} ({refusal}).") if refusal else None

    return problem_of


def _expiring(report: Report) -> Problem | None:
    expires_in = report["credentials_expire_in"]
    if expires_in is None or expires_in > MIN_CREDENTIALS_LIFE:
        return None
    if expires_in <= 0:
        return Problem(
            found=_("its credentials expired %(time)s ago.") % {"time": _age(-expires_in)},
            stops=True,
        )
    sentence = _("its credentials expire in %(time)s and were not renewed.")
    return Problem(found=sentence % {"time": _age(expires_in)})


CONSUMING = "workers.consuming"
ALLOW = "Allow it in the policy of the worker's role (docs/deployment.md); see sqs.* for the rest."
STATES = (
    State(
        check="workers.receiving",
        problem_of=_not_receiving,
        fine=gettext_lazy("Every worker receives, or has a reason not to."),
        remedy="See sqs.* for refused calls. A full worker waits for its tasks: celery -A config "
        "inspect active. Restart a worker that hangs; its events run again elsewhere.",
    ),
    State(
        check="workers.circuit",
        problem_of=_circuit_open,
        fine=gettext_lazy("Every circuit is closed."),
        remedy="Nothing is lost. Run this with the worker's role and network, and fix the errors "
        "of postgresql.* and dynamodb.*. Leave the workers alone: they continue within 30 seconds "
        "after that.",
    ),
    State(
        check="workers.lag",
        problem_of=_late,
        fine=gettext_lazy("The events of the latest receives had waited for less than 5 minutes."),
        remedy="After an outage this passes. If not, add workers or processes, unless a few "
        "contacts have most of the events; docs/runbook.md, ConversationEventsLate.",
    ),
    State(
        check="workers.held",
        problem_of=_held,
        fine=gettext_lazy("No worker holds an event for over 15 minutes."),
        remedy='Its group waits behind it. Look for "event_held" in the log; docs/runbook.md, '
        "ConversationEventHeld.",
    ),
    State(
        check="workers.parked",
        problem_of=_parked,
        fine=gettext_lazy("No events are parked."),
        remedy="Many events fail for one cause. Fix the bug and deploy, or stop the producer. "
        'Then, with each cause: celery -A config control release_cause "CAUSE"',
    ),
    State(
        check="workers.deletes",
        problem_of=_refused(
            "DeleteMessageBatch", gettext_lazy("SQS refuses to delete finished events")
        ),
        fine=gettext_lazy("SQS deletes finished events."),
        remedy=f"The events run again, which changes nothing. Check sqs:DeleteMessage. {ALLOW}",
    ),
    State(
        check="workers.leases",
        problem_of=_refused(
            "ChangeMessageVisibilityBatch", gettext_lazy("SQS refuses to change leases")
        ),
        fine=gettext_lazy("SQS renews leases."),
        remedy="SQS delivers events again while they still run. Check "
        f"sqs:ChangeMessageVisibility. {ALLOW}",
    ),
    State(
        check="workers.quarantine",
        problem_of=_refused(
            "SendMessage", gettext_lazy("the dead-letter queue refuses copies of events")
        ),
        fine=gettext_lazy("The dead-letter queue does not refuse copies."),
        remedy="The groups of these events wait. Check sqs:SendMessage on the dead-letter queue, "
        f"and sqs.dlq.size. {ALLOW}",
    ),
    State(
        check="workers.credentials",
        problem_of=_expiring,
        fine=gettext_lazy("The workers' credentials are valid, and do not expire soon."),
        remedy="The worker cannot renew them: STS or the source of its role does not answer. Check "
        "aws.credentials on the worker's machine, and the log event credentials_refresh_failed.",
    ),
)
