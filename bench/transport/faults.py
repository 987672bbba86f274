"""The fault phase: each fault happens alone, to both subjects at the same time.

The effect of a fault is read from the journals, the queues and the processes. A worker that has
ended, or that has stopped receiving, is replaced up to twice, as a process supervisor would do. The
leases of its messages are ended, as SQS does after the visibility timeout.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from bench.common.journal import done, order_of, repeated
from bench.common.subjects import Event, Subject, make_events
from bench.transport.result import FaultResult
from embedded.processes import ProcessError
from testbed.sqs import SqsServer

GROUPS = 10
EVENTS_BEFORE = 4
EVENTS_AFTER = 3
# Long enough for both subjects to be processing events when the fault happens.
STEP_SECONDS = 0.03
PROBE: Event = {"group": "probe", "number": 0, "seconds": STEP_SECONDS}
_UNDER_WAY_SECONDS = 5.0
_QUIET_SECONDS = 4.0
_MAX_SECONDS = 10.0
_POLL_SECONDS = 0.05
MAX_RESTARTS = 2
# The open long poll of a killed worker may still receive messages.
_OPEN_POLL_SECONDS = 1.1
_FAULT_SECONDS = 2.0
_FOREIGN_BODY = '{"properties": {"color": "green"}, "order": 7}'


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A fault of the server for some seconds, of one event, or of the worker.

    `trouble` is the kind of an event's failure (see `testbed.steps`), and how often it happens.
    """

    name: str
    on_server: Callable[[SqsServer], None] | None = None
    trouble: tuple[str, int] | None = None
    has_foreign_body: bool = False
    kills_worker: bool = False


FAULTS: Sequence[Fault] = (
    Fault(
        name="connections refused for 2 s",
        on_server=lambda server: server.refuse_connections(seconds=_FAULT_SECONDS),
    ),
    Fault(
        name="receives answered with 500 for 2 s",
        on_server=lambda server: server.fail(
            status=500, code="InternalError", duration=_FAULT_SECONDS, actions=["ReceiveMessage"]
        ),
    ),
    Fault(
        name="all calls throttled for 2 s",
        on_server=lambda server: server.fail(
            status=400, code="RequestThrottled", duration=_FAULT_SECONDS
        ),
    ),
    Fault(name="a foreign JSON body with `properties`", has_foreign_body=True),
    Fault(name="the second step raises twice for one event", trouble=("bug", 2)),
    Fault(name="a pool process is killed in the second step", trouble=("die", 1)),
    Fault(name="the worker is killed", kills_worker=True),
)


def run_fault(
    *, fault: Fault, subjects: tuple[Subject, Subject], server: SqsServer
) -> tuple[FaultResult, FaultResult]:
    """Run both subjects through a fault on new queues, and return the results."""
    for subject in subjects:
        subject.start_worker()
    for subject in subjects:
        subject.wait_until_ready()
    before = make_events(groups=GROUPS, numbers=range(EVENTS_BEFORE), seconds=STEP_SECONDS)
    if fault.trouble:
        what, times = fault.trouble
        before[GROUPS] |= {"trouble": {"step": "second", "what": what, "times": times}}
    after = make_events(
        groups=GROUPS,
        numbers=range(EVENTS_BEFORE, EVENTS_BEFORE + EVENTS_AFTER),
        seconds=STEP_SECONDS,
    )
    for subject in subjects:
        subject.send(before[: len(before) // 2])
        if fault.has_foreign_body:
            subject.send_body(_FOREIGN_BODY, group="foreign")
        subject.send(before[len(before) // 2 :])
    _strike(fault=fault, subjects=subjects, server=server)
    for subject in subjects:
        subject.send([*after, PROBE])
    _watch(subjects)
    receives_again = {subject: _has_probed(subject) for subject in subjects}
    restarts = _recover(subjects, server=server)
    results = [
        _result(
            subject,
            fault=fault,
            events=[*before, *after, PROBE],
            receives_again=receives_again[subject],
            restarts=restarts[subject],
        )
        for subject in subjects
    ]
    for subject in subjects:
        subject.kill_worker()
    return results[0], results[1]


def _strike(*, fault: Fault, subjects: Sequence[Subject], server: SqsServer) -> None:
    """Cause the fault while both subjects process events, and wait until it is over."""
    deadline = time.monotonic() + _UNDER_WAY_SECONDS
    while not all(subject.journal_size() for subject in subjects) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS / 10)
    if fault.kills_worker:
        for subject in subjects:
            subject.kill_worker()
        time.sleep(_OPEN_POLL_SECONDS)
    elif fault.on_server:
        fault.on_server(server)
        time.sleep(_FAULT_SECONDS + _POLL_SECONDS)
        server.clear_faults()


def _recover(subjects: Sequence[Subject], *, server: SqsServer) -> dict[Subject, int]:
    """Replace workers and end leases until all events are done.

    Return the number of new workers of each subject.
    """
    restarts = dict.fromkeys(subjects, 0)
    for _ in range(MAX_RESTARTS):
        unfinished = [subject for subject in subjects if not _is_finished(subject)]
        replaced = [
            subject for subject in unfinished if not subject.is_running or not _has_probed(subject)
        ]
        for subject in unfinished:
            if subject in replaced:
                subject.kill_worker()
            server.expire_leases(queue=subject.queue)
        for subject in replaced:
            subject.start_worker()
            restarts[subject] += 1
        for subject in replaced:
            # A worker may end before it is ready. The result reports that.
            with suppress(ProcessError):
                subject.wait_until_ready(timeout_seconds=_UNDER_WAY_SECONDS)
        _watch(unfinished)
    return restarts


def _watch(subjects: Sequence[Subject]) -> None:
    """Wait until each subject has finished, has ended, or has done nothing for some seconds."""
    sizes = dict.fromkeys(subjects, (-1, 0.0))
    deadline = time.monotonic() + _MAX_SECONDS
    waiting = list(subjects)
    while waiting and time.monotonic() < deadline:
        now = time.monotonic()
        for subject in list(waiting):
            size, since = sizes[subject]
            if subject.journal_size() != size:
                sizes[subject] = (subject.journal_size(), now)
            elif now - since > _QUIET_SECONDS or not subject.is_running or _is_finished(subject):
                waiting.remove(subject)
        time.sleep(_POLL_SECONDS)


def _is_finished(subject: Subject) -> bool:
    """Whether the queue is empty and the probe took effect."""
    return subject.left_on_queue() == 0 and _has_probed(subject)


def _has_probed(subject: Subject) -> bool:
    """Whether the probe, which was sent after the fault, took effect."""
    return (PROBE["group"], PROBE["number"]) in done(subject.journal())


def _result(
    subject: Subject, *, fault: Fault, events: Sequence[Event], receives_again: bool, restarts: int
) -> FaultResult:
    lines = subject.journal()
    in_effect = done(lines)
    missing = sum((event["group"], event["number"]) not in in_effect for event in events)
    left = subject.left_on_queue()
    dead_letters = subject.dead_letters()
    # The foreign body is not counted as an event.
    dead_events = min(missing, max(0, dead_letters - fault.has_foreign_body))
    return FaultResult(
        exits=subject.own_exits(),
        gave_up=subject.gave_up(),
        was_killed=fault.kills_worker,
        receives_again=receives_again,
        restarts=restarts,
        sent=len(events),
        done=len(events) - missing,
        lost=0 if left else missing - dead_events,
        left=left,
        dead_letters=dead_letters,
        repeated=repeated(lines),
        order=order_of(lines),
    )
