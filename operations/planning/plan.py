"""Plan a deployment for a rate of events. No input or output."""

from dataclasses import dataclass
from math import ceil

from config import webserver
from operations.planning.measured import (
    BEAT_REQUESTS,
    CONVERSATION,
    CONVERSATION_MESSAGES,
    IDLE_WORKER_REQUESTS,
    MAIN_PROCESS_EVENTS_PER_SECOND,
    Needs,
    message_at,
)
from operations.planning.prices import PRICES

# The share of their time for which processors, pool processes and main processes are busy at the
# rate that is planned for. The rest is for bursts, and for the backlog after an outage.
MAX_BUSY = 0.6
# So that the service goes on while one worker is replaced.
MIN_WORKERS = 2
# A worker writes its heartbeat with a connection of its own; beat has one; Flower has none.
CONNECTIONS_OF_MAIN_PROCESS = 1
CONNECTIONS_OF_BEAT = 1
SECONDS_OF_MONTH = 30 * 24 * 3600
_MILLION = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What a deployment is planned for.

    `peak` and `average` are events per second, closes included. A pool process waits `sql_ms`
    milliseconds for each statement and `dynamodb_ms` for each call of DynamoDB.
    """

    peak: float
    average: float
    messages_each: int
    processes_each: int
    sql_ms: float
    dynamodb_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a demand needs. All rates are for each second, at the peak."""

    workers: int
    processes: int
    processors: float
    connections: int
    event: Needs
    sends: float
    receives_and_deletes: float
    sql: float
    write_units: float
    read_units: float
    groups: int
    in_flight: int
    dollars_of_month: float
    dollars_of_sends: float


def make_plan(demand: Demand, *, max_held: int) -> Plan:
    """Return the plan for a demand. `max_held` is how many messages a worker holds at most."""
    workers = MIN_WORKERS
    while True:
        event = event_needs(demand.peak / workers, messages_each=demand.messages_each)
        busy = demand.peak * busy_seconds(event, demand) / MAX_BUSY
        handing_out = demand.peak / (MAIN_PROCESS_EVENTS_PER_SECOND * MAX_BUSY)
        needed = max(MIN_WORKERS, ceil(busy / demand.processes_each), ceil(handing_out))
        if needed <= workers:
            break
        # More workers get fewer events each, which then share fewer calls.
        workers += 1
    processes = workers * demand.processes_each
    written = demand.messages_each / (demand.messages_each + 1)
    return Plan(
        workers=workers,
        processes=processes,
        processors=demand.peak * event.cpu_ms / 1_000 / MAX_BUSY,
        connections=(
            processes
            + workers * CONNECTIONS_OF_MAIN_PROCESS
            + CONNECTIONS_OF_BEAT
            + webserver.workers * webserver.threads
        ),
        event=event,
        sends=demand.peak,
        receives_and_deletes=demand.peak * event.sqs_calls,
        sql=demand.peak * event.sql,
        write_units=demand.peak * written,
        read_units=demand.peak * event.read_units,
        groups=ceil(busy * MAX_BUSY),
        in_flight=workers * max_held,
        dollars_of_month=_dollars(demand, workers, written),
        dollars_of_sends=_of_month(demand.average) * PRICES.sqs_fifo_requests,
    )


def event_needs(events_per_second: float, *, messages_each: int) -> Needs:
    """Return what an average event needs, closes included, at this rate for each worker."""
    message = message_at(events_per_second)
    closes = 1 / (messages_each + 1)
    reads = CONVERSATION.read_units * max(1.0, messages_each / CONVERSATION_MESSAGES)
    return Needs(
        # A close is received and deleted as a message is.
        sqs_calls=message.sqs_calls + closes * CONVERSATION.sqs_calls,
        sql=(1 - closes) * message.sql + closes * CONVERSATION.sql,
        dynamodb_calls=(1 - closes) * message.dynamodb_calls + closes * CONVERSATION.dynamodb_calls,
        read_units=closes * reads,
        cpu_ms=(1 - closes) * message.cpu_ms + closes * CONVERSATION.cpu_ms,
    )


def busy_seconds(event: Needs, demand: Demand) -> float:
    """Return for how long an average event keeps a pool process busy, in seconds."""
    waiting = event.sql * demand.sql_ms + event.dynamodb_calls * demand.dynamodb_ms
    return (event.cpu_ms + waiting) / 1_000


def _dollars(demand: Demand, workers: int, written: float) -> float:
    """Return the price of the AWS calls of 30 days, without the sends of producers.

    Workers without events still poll. At a high rate they do not, so this is a little too much.
    """
    event = event_needs(demand.average / workers, messages_each=demand.messages_each)
    each = (
        event.sqs_calls * PRICES.sqs_fifo_requests
        + written * PRICES.dynamodb_write_units
        + event.read_units * PRICES.dynamodb_read_units
    )
    requests = BEAT_REQUESTS + workers * IDLE_WORKER_REQUESTS
    return _of_month(demand.average) * each + requests / _MILLION * PRICES.sqs_fifo_requests


def _of_month(events_per_second: float) -> float:
    """Return the number of events in 30 days, in millions."""
    return events_per_second * SECONDS_OF_MONTH / _MILLION
