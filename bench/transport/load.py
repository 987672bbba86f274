"""The load phase: events through one subject, without faults."""

from collections import Counter

from bench.common.journal import done, order_of, seconds
from bench.common.subjects import Subject, make_events
from bench.transport.result import LoadResult
from testbed.sqs import SqsServer

# The benchmark calls this itself; a worker calls it only when it starts.
_NOT_COUNTED = "GetQueueAttributes"


def run_load(
    *, subject: Subject, server: SqsServer, events: int, groups: int, max_seconds: float
) -> LoadResult:
    """Fill the queue, start a worker, and wait until the queue is empty or the time is up."""
    sent = make_events(groups=groups, numbers=range(events // groups), seconds=0)
    subject.send(sent)
    server.reset_calls()
    subject.start_worker()
    subject.wait_until_ready()
    subject.wait_until_left(0, max_seconds=max_seconds)
    calls = Counter(
        call.action
        for call in server.calls()
        if call.queue == subject.queue and call.action != _NOT_COUNTED
    )
    subject.kill_worker()
    lines = subject.journal()
    return LoadResult(
        sent=len(sent),
        done=len(done(lines)),
        seconds=seconds(lines),
        calls=dict(sorted(calls.items())),
        order=order_of(lines),
    )
