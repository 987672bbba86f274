"""The closing of one conversation, from the receive of its event to the delete of it."""

import time

from bench.common.chat import Load, close_of
from bench.event_cost.backlog import NotDone, warm_up
from bench.event_cost.growth_result import ClosingPoint
from bench.event_cost.trial import Trial
from testbed.sqs.calls import LoggedCall

CONTACT = 0
_POLL_SECONDS = 0.02


def measure_closing(trial: Trial, *, messages: int, most_seconds: float) -> ClosingPoint:
    """Let the subject store so many messages of one contact, then close. Raises NotDone."""
    load = Load(contacts=1, numbers=range(messages), first_contact=CONTACT)
    warm_up(trial, load=load, most_seconds=most_seconds)
    trial.stage.servers.sqs.reset_calls()
    before, settled = trial.stage.counts(), trial.running.resident_megabytes()
    peak = settled
    trial.fill([close_of(CONTACT)])
    deadline = time.monotonic() + most_seconds
    while trial.stage.queue.size():
        trial.running.check()
        if time.monotonic() > deadline:
            raise NotDone(f"a conversation of {messages} messages has not closed")
        peak = max(peak, trial.running.resident_megabytes())
        time.sleep(_POLL_SECONDS)
    counts = trial.stage.counts().since(before)
    if left := trial.stage.servers.dynamodb.items(table=trial.stage.table):
        raise NotDone(f"{len(left)} of {messages} messages are still in DynamoDB")
    return ClosingPoint(
        at=messages,
        seconds=seconds_of_closing(trial.stage.servers.sqs.calls()),
        dynamodb_calls=sum(counts.dynamodb.values()),
        write_units=counts.write_units,
        read_units=counts.read_units,
        sql=counts.sql,
        settled_rss_mb=settled,
        peak_rss_mb=peak,
    )


def seconds_of_closing(calls: list[LoggedCall]) -> float:
    """From the end of the first receive of a message to the end of the last delete of one."""
    received = [_end(call) for call in calls for one in call.entries if one.result == "received"]
    deleted = [_end(call) for call in calls for one in call.entries if one.result == "deleted"]
    return max(deleted) - min(received)


def _end(call: LoggedCall) -> float:
    return call.time + call.seconds
