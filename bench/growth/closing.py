"""Measures closing one conversation, from the receive to the delete of the closing event."""

from bench.common.backlog import NotDone, wait_until, warm_up
from bench.common.chat import Load, close_of
from bench.common.statistics import first_ends
from bench.common.trial import Trial
from bench.growth.result import ClosingPoint
from testbed.sqs.calls import LoggedCall

CONTACT = 0
_POLL_SECONDS = 0.02
_ARCHIVED = "SELECT coalesce(sum(message_count), 0) FROM conversation_messages_conversationmessages"


def measure_closing(trial: Trial, *, messages: int, max_seconds: float) -> ClosingPoint:
    """Send messages of one contact, then close the conversation with an event. Return the costs.

    Raise NotDone if the service takes too long or does not archive all messages.
    """
    load = Load(contacts=1, numbers=range(messages), first_contact=CONTACT)
    warm_up(trial, load=load, max_seconds=max_seconds)
    trial.stage.servers.sqs.reset_calls()
    before, settled = trial.counts(), trial.resident_megabytes()
    memory = [settled]
    trial.fill([close_of(CONTACT)])
    wait_until(
        lambda: not trial.stage.queue.size(),
        trial=trial,
        max_seconds=max_seconds,
        on_poll=lambda: memory.append(trial.resident_megabytes()),
        poll_seconds=_POLL_SECONDS,
    )
    counts = trial.counts().since(before)
    archived = trial.stage.servers.query_number(_ARCHIVED, database=trial.stage.name)
    if archived != messages:
        raise NotDone(f"{archived} of {messages} messages are archived")
    return ClosingPoint(
        at=messages,
        seconds=seconds_of_closing(trial.stage.servers.sqs.calls()),
        dynamodb_calls=counts.dynamodb.total(),
        write_units=counts.write_units,
        read_units=counts.read_units,
        sql=counts.sql,
        settled_rss_mb=settled,
        peak_rss_mb=max(memory),
    )


def seconds_of_closing(calls: list[LoggedCall]) -> float:
    """Return the time from the first receive to the last delete, in seconds."""
    received = first_ends(calls, result="received").values()
    deleted = first_ends(calls, result="deleted").values()
    return max(deleted) - min(received)
